// Where the rows of a cross-entropy lie, and which of them count.
#pragma once

#include "calls.hpp"
#include "functions.hpp"

namespace wald::WALD_LEVEL {

WALD_INLINE const float* row_of(const WaldSoftmax& call, std::int64_t row) {
  if (row < call.inner) return call.logits + row * call.row_step;  // a division costs as much as a few classes
  return call.logits + (row / call.inner) * call.outer_step + (row % call.inner) * call.row_step;
}

// Where the gradient overwrites the logits, it lies as they do.
WALD_INLINE float* gradient_of(const WaldSoftmax& call, std::int64_t row) {
  if (call.gradient == nullptr) return nullptr;
  return call.gradient == call.logits ? const_cast<float*>(row_of(call, row)) : call.gradient + row * call.classes;
}

WALD_INLINE float weight_of(const WaldSoftmax& call, std::int64_t row) { return call.weight ? call.weight[row] : 1.0f; }

WALD_INLINE bool is_class(const WaldSoftmax& call, std::int64_t row) {
  return call.ids == nullptr || static_cast<std::uint64_t>(call.ids[row]) < static_cast<std::uint64_t>(call.classes);
}

}  // namespace wald::WALD_LEVEL
