#include "blocks.hpp"

#include <pthread.h>

namespace wald {
namespace {

struct Queue {
  std::int64_t next, blocks;
  void (*work)(void*, std::int64_t);
  void* context;
};

void* serve(void* given) {
  Queue& queue = *static_cast<Queue*>(given);
  for (;;) {
    const std::int64_t block = __atomic_fetch_add(&queue.next, 1, __ATOMIC_RELAXED);
    if (block >= queue.blocks) return nullptr;
    queue.work(queue.context, block);
  }
}

}  // namespace

void in_blocks(std::int64_t blocks, std::int64_t threads, void (*work)(void*, std::int64_t), void* context) {
  constexpr std::int64_t MOST = 256;
  Queue queue = {0, blocks, work, context};
  // To start a thread takes as long as a few blocks.
  if (threads > blocks / 4) threads = blocks / 4;
  if (threads > MOST) threads = MOST;
  pthread_t helpers[MOST];
  std::int64_t started = 0;
  while (started + 1 < threads && pthread_create(&helpers[started], nullptr, serve, &queue) == 0) ++started;
  serve(&queue);  // where no thread could be started, the caller does it all
  for (std::int64_t i = 0; i < started; ++i) pthread_join(helpers[i], nullptr);
}

}  // namespace wald
