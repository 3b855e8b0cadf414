// Blocks of work on several threads.
#pragma once

#include <cstdint>

namespace wald {

// Calls work(context, block) for each block once, on up to `threads` threads; which thread gets which is left open.
void in_blocks(std::int64_t blocks, std::int64_t threads, void (*work)(void*, std::int64_t), void* context);

}  // namespace wald
