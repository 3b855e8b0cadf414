// One pass over predictions and targets: the values, their weighted sum and the gradient.

#include "calls.hpp"
#include "losses.hpp"

namespace wald::WALD_LEVEL {
namespace {

// So few values are added in single precision, lane by lane, before double precision takes over.
constexpr int GROUP = 16 * LANES;

template <class Loss, bool WEIGHTED>
WALD_INLINE Floats step(const WaldElementwise& call, const Loss& loss, float scale, std::int64_t i, int lanes) {
  const bool whole = lanes == LANES;
  const auto read = [&](const float* from, float rest) { return whole ? load(from + i) : load(from + i, lanes, rest); };
  Point point = loss.at(read(call.prediction, 0.5f), read(call.target, 0.5f));
  const Floats slope = point.slope * scale;
  Floats value = point.value, gradient = slope;
  if (WEIGHTED) {
    const Floats weight = read(call.weight, 0.0f);
    const Ints counts = weight != 0.0f;
    value = counts ? value * weight : Floats{};
    gradient = counts ? slope * weight : Floats{};
  }
  if (call.values) whole ? store(call.values + i, point.value) : store(call.values + i, point.value, lanes);
  if (call.gradient) whole ? store(call.gradient + i, gradient) : store(call.gradient + i, gradient, lanes);
  if (!whole)
    for (int lane = lanes; lane < LANES; ++lane) value[lane] = 0.0f;
  return value;
}

template <class Loss, bool WEIGHTED>
double over(const WaldElementwise& call, std::int64_t begin, std::int64_t end) {
  const Loss loss(call.parameters);
  const float scale = static_cast<float>(call.scale);
  Doubles sum = {};
  std::int64_t i = begin;
  while (i < end) {
    Floats group = {};
    const std::int64_t stop = end - i < GROUP ? end : i + GROUP;
    for (; i + LANES <= stop; i += LANES) group += step<Loss, WEIGHTED>(call, loss, scale, i, LANES);
    if (i < stop) group += step<Loss, WEIGHTED>(call, loss, scale, i, static_cast<int>(stop - i));
    i = stop;
    sum += widened(group);
  }
  return total(sum);
}

using Over = double (*)(const WaldElementwise&, std::int64_t, std::int64_t);

#define WALD_BOTH(Loss) {over<Loss, false>, over<Loss, true>},
constexpr Over TABLE[][2] = {WALD_ELEMENTWISE_LOSSES(WALD_BOTH)};

}  // namespace

// Σ weight · value of the examples from `begin` to `end`.
double elementwise(const WaldElementwise& call, std::int64_t begin, std::int64_t end) {
  return TABLE[call.loss][call.weight != nullptr](call, begin, end);
}

}  // namespace wald::WALD_LEVEL
