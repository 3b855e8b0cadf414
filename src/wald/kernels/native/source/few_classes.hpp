// Cross-entropy over so few classes that a vector holds one class of as many rows as it has lanes.
#pragma once

#include "rows.hpp"

namespace wald::WALD_LEVEL {

constexpr int FEW = 32;
constexpr int SQUARES = FEW / LANES;

// LANES rows at once, or fewer at the end, read so that vector k holds class k of each.
struct Group {
  std::int64_t first;
  int rows, classes;

  template <class Row>
  void read(Floats* x, Row row) const {
    for (int k = 0; k < classes; k += LANES) {
      const int width = classes - k < LANES ? classes - k : LANES;
      for (int i = 0; i < LANES; ++i) x[k + i] = i < rows ? load(row(first + i) + k, width, 0.0f) : Floats{};
      turn(x + k);
    }
  }

  template <class Row>
  void write(Floats* x, Row row) const {
    for (int k = 0; k < classes; k += LANES) {
      const int width = classes - k < LANES ? classes - k : LANES;
      turn(x + k);
      for (int i = 0; i < rows; ++i) store(row(first + i) + k, x[k + i], width);
    }
  }
};

// ONE: only the class of the id has a share, and it counts 1.
template <bool ONE>
double many_at_once(const WaldSoftmax& call, std::int64_t begin, std::int64_t end, std::int64_t* wrong) {
  const int classes = static_cast<int>(call.classes);
  const float smoothing = static_cast<float>(call.label_smoothing), z = static_cast<float>(call.z_loss);
  const float whole = 1.0f - smoothing;
  Floats x[SQUARES * LANES], share[SQUARES * LANES];
  Doubles sum = {};
  for (std::int64_t first = begin; first < end; first += LANES) {
    const int rows = static_cast<int>(end - first < LANES ? end - first : LANES);
    const Group group = {first, rows, classes};
    Floats weight = all(1.0f);
    if (rows < LANES) weight = load(reinterpret_cast<const float*>(&weight), rows, 0.0f);
    if (call.weight) weight = load(call.weight + first, rows, 0.0f);
    std::int32_t ids[LANES] = {};
    if (call.ids) {
      bool strange = false;
      for (int i = 0; i < rows; ++i) {
        strange |= !is_class(call, first + i);
        ids[i] = static_cast<std::int32_t>(call.ids[first + i]);
      }
      // One that is never looked at may be anything.
      for (int i = 0; strange && i < rows; ++i)
        if (!is_class(call, first + i) && weight_of(call, first + i) != 0.0f) {
          *wrong = first + i;
          return total(sum);
        }
    }
    Ints own;
    __builtin_memcpy(&own, ids, sizeof own);
    group.read(x, [&](std::int64_t row) { return row_of(call, row); });
    if (call.shares) group.read(share, [&](std::int64_t row) { return call.shares + row * classes; });
    Floats top = all(-INFINITE), even = {};
    for (int k = 0; k < classes; ++k) top = larger(top, x[k]);
    if (smoothing != 0) {
      for (int k = 0; k < classes; ++k) even += x[k] != -INFINITE ? all(1.0f) : Floats{};
      even = smoothing / even;
    }
    Floats partials = {}, mass = ONE ? all(1.0f) : Floats{}, missed = {};
    for (int k = 0; k < classes; ++k) {
      const Floats gap = x[k] - top;
      x[k] = exp_of_negative(gap);
      partials += x[k];
      if (ONE) {
        missed = own == k ? -gap : missed;
        continue;
      }
      share[k] = call.shares ? whole * share[k] : (own == k ? all(whole) : Floats{});
      if (smoothing != 0) share[k] += gap != -INFINITE ? even : Floats{};
      if (call.class_weight) share[k] *= call.class_weight[k];
      mass += share[k];
      missed -= share[k] == 0.0f ? Floats{} : share[k] * gap;
    }
    const Floats below = log(partials), partition = top + below;
    Floats value = missed + (mass == 0.0f ? below - below : mass * below);
    if (z != 0) value += z * partition * partition;
    const Ints counts = weight != 0.0f;
    value = counts ? value : Floats{};
    sum += widened(value * weight);
    if (call.values) store(call.values + first, value, rows);
    if (call.gradient) {
      const Floats scale = weight * static_cast<float>(call.scale);
      const Floats factor = scale * (mass + 2.0f * z * partition) / partials;
      for (int k = 0; k < classes; ++k) {
        const Floats taken = ONE ? (own == k ? scale : Floats{}) : scale * share[k];
        x[k] = counts ? x[k] * factor - taken : Floats{};
      }
      group.write(x, [&](std::int64_t row) { return gradient_of(call, row); });
    }
  }
  return total(sum);
}

}  // namespace wald::WALD_LEVEL
