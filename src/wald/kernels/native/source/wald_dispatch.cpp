// The entrances of the library: each picks the code of this processor's instruction level and divides the work.

#include "blocks.hpp"
#include "calls.hpp"

#include <cstdlib>
#include <cstring>

#define WALD_EXPORT extern "C" __attribute__((visibility("default")))

#define WALD_DECLARE(LEVEL)                                                                         \
  namespace LEVEL {                                                                                 \
  double elementwise(const WaldElementwise&, std::int64_t begin, std::int64_t end);                 \
  double softmax(const WaldSoftmax&, std::int64_t begin, std::int64_t end, std::int64_t* wrong);    \
  }

namespace wald {
WALD_DECLARE(plain)
#if defined(__x86_64__)
WALD_DECLARE(avx2)
WALD_DECLARE(avx512)
#endif
}  // namespace wald

namespace {

struct Level {
  const char* name;
  decltype(&wald::plain::elementwise) elementwise;
  decltype(&wald::plain::softmax) softmax;
};

#define WALD_LEVEL_OF(LEVEL) {#LEVEL, wald::LEVEL::elementwise, wald::LEVEL::softmax}

// The plainest first.
constexpr Level LEVELS[] = {
    WALD_LEVEL_OF(plain),
#if defined(__x86_64__)
    WALD_LEVEL_OF(avx2),
    WALD_LEVEL_OF(avx512),
#endif
};

int best_level() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return 2;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) return 1;
#endif
  return 0;
}

const int best = best_level();
int chosen = -1;

const Level& level() { return LEVELS[chosen < 0 ? best : chosen]; }

// Blocks do not depend on the number of threads, so neither does a sum that is added up block by block.
template <class Call>
struct Blocks {
  const Call* call;
  std::int64_t count, size;
  double* sums;
  std::int64_t* wrong;
};

double in_order(const double* sums, std::int64_t blocks) {
  double sum = 0;
  for (std::int64_t i = 0; i < blocks; ++i) sum += sums[i];
  return sum;
}

template <class Call>
void run(void* given, std::int64_t block);

template <>
void run<WaldElementwise>(void* given, std::int64_t block) {
  const auto& blocks = *static_cast<Blocks<WaldElementwise>*>(given);
  const std::int64_t begin = block * blocks.size, end = begin + blocks.size;
  blocks.sums[block] = level().elementwise(*blocks.call, begin, end < blocks.count ? end : blocks.count);
}

template <>
void run<WaldSoftmax>(void* given, std::int64_t block) {
  const auto& blocks = *static_cast<Blocks<WaldSoftmax>*>(given);
  const std::int64_t begin = block * blocks.size, end = begin + blocks.size;
  std::int64_t wrong = -1;
  blocks.sums[block] = level().softmax(*blocks.call, begin, end < blocks.count ? end : blocks.count, &wrong);
  if (wrong >= 0) __atomic_store_n(blocks.wrong, wrong, __ATOMIC_RELAXED);
}

// 1 where the work was done; 0 where there was no memory for it.
template <class Call>
int divided(Call* call, std::int64_t count, std::int64_t size, std::int64_t threads, std::int64_t* wrong) {
  const std::int64_t number = (count + size - 1) / size;
  double few[64];
  double* sums = number <= 64 ? few : static_cast<double*>(std::malloc(number * sizeof(double)));
  if (sums == nullptr) return 0;
  Blocks<Call> blocks = {call, count, size, sums, wrong};
  wald::in_blocks(number, threads, run<Call>, &blocks);
  call->sum = in_order(sums, number);
  if (sums != few) std::free(sums);
  return 1;
}

constexpr std::int64_t BLOCK = 1 << 16;

}  // namespace

WALD_EXPORT std::int64_t wald_abi_version() { return WALD_ABI; }

WALD_EXPORT const char* wald_level() { return level().name; }

// For tests: 1 where this processor has the level, 0 where not. nullptr gives the choice back.
WALD_EXPORT int wald_force_level(const char* name) {
  if (name == nullptr) {
    chosen = -1;
    return 1;
  }
  for (int i = 0; i <= best; ++i)
    if (std::strcmp(LEVELS[i].name, name) == 0) {
      chosen = i;
      return 1;
    }
  return 0;
}

// The number of an elementwise loss; -1 where none has this name.
WALD_EXPORT std::int64_t wald_elementwise_loss(const char* name) {
#define WALD_NAME(LOSS) #LOSS,
  constexpr const char* names[] = {WALD_ELEMENTWISE_LOSSES(WALD_NAME)};
  std::int64_t i = 0;
  for (const char* known : names) {
    if (std::strcmp(known, name) == 0) return i;
    ++i;
  }
  return -1;
}

WALD_EXPORT int wald_elementwise(WaldElementwise* call, std::int64_t threads) {
  return divided(call, call->count, BLOCK, threads, nullptr);
}

WALD_EXPORT int wald_softmax(WaldSoftmax* call, std::int64_t threads) {
  // Whole groups of the rows that are worked at once.
  std::int64_t rows = BLOCK / call->classes;
  rows = rows < 1 ? 1 : rows < 16 ? rows : rows / 16 * 16;
  call->wrong = -1;
  return divided(call, call->rows, rows, threads, &call->wrong);
}
