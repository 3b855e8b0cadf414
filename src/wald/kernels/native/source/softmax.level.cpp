// Cross-entropy of rows of logits, each row once through the cache: its value, and its gradient.
//
// With shares c of the classes (the target, the class weights and the smoothing, all in one) and the mass A = Σ c, a row
// costs Σ c (log Σ e^x - x) + z (log Σ e^x)², and its gradient is (A + 2 z log Σ e^x) softmax(x) - c.

#include "few_classes.hpp"

namespace wald::WALD_LEVEL {
namespace {

// So many vectors are added in single precision, lane by lane, before double precision takes over.
constexpr std::int64_t GROUP = 16 * LANES;

WALD_INLINE void clear(float* to, std::int64_t count) {
  if (to != nullptr) __builtin_memset(to, 0, count * sizeof(float));
}

float largest_of(const float* x, std::int64_t count) {
  Floats a = all(-INFINITE), b = a, c = a, d = a;
  std::int64_t i = 0;
  for (; i + 4 * LANES <= count; i += 4 * LANES) {
    a = larger(a, load(x + i));
    b = larger(b, load(x + i + LANES));
    c = larger(c, load(x + i + 2 * LANES));
    d = larger(d, load(x + i + 3 * LANES));
  }
  for (; i + LANES <= count; i += LANES) a = larger(a, load(x + i));
  float found = largest(larger(larger(a, b), larger(c, d)));
  for (; i < count; ++i) found = x[i] > found ? x[i] : found;
  return found;
}

// Σ e^(x - top), and the terms themselves to `terms` where that is not null. Meanwhile `next`, as long, comes nearer.
double exponentials(const float* x, std::int64_t count, float top, float* terms, const float* next) {
  Doubles sum = {};
  std::int64_t i = 0;
  while (i < count) {
    const std::int64_t stop = count - i < 2 * GROUP ? count : i + 2 * GROUP;
    Floats a = {}, b = {};
    for (; i + 2 * LANES <= stop; i += 2 * LANES) {
      const Floats e = exp_of_negative(load(x + i) - top), f = exp_of_negative(load(x + i + LANES) - top);
      if (terms) store(terms + i, e), store(terms + i + LANES, f);
      a += e, b += f;
      // Memory would else stand idle here, and the processor when it looks for the largest of the next row.
      __builtin_prefetch(next + i), __builtin_prefetch(next + i + LANES);
    }
    for (; i < stop; i += LANES) {
      const int lanes = static_cast<int>(stop - i < LANES ? stop - i : LANES);
      const Floats e = exp_of_negative(load(x + i, lanes, -INFINITE) - top);
      if (terms) store(terms + i, e, lanes);
      // The lanes beyond the row are NaN in a row without any finite logit, as its sum is.
      a += e;
    }
    i = stop;
    sum += widened(a + b);
  }
  return total(sum);
}

void multiply(float* x, std::int64_t count, float factor) {
  std::int64_t i = 0;
  for (; i + LANES <= count; i += LANES) store(x + i, load(x + i) * factor);
  for (; i < count; ++i) x[i] *= factor;
}

// What one row asks for beside its logits.
struct Shares {
  const float* probabilities;  // of the target; null where it is an id
  const float* class_weight;
  float whole, even;  // what the target counts, and each class that can occur beside it
};

// The shares of the classes from `i` on.
WALD_INLINE Floats shares_at(const Shares& shares, Floats x, std::int64_t i, int lanes) {
  const bool full = lanes == LANES;
  const auto read = [&](const float* from) { return full ? load(from + i) : load(from + i, lanes, 0.0f); };
  Floats share = x != -INFINITE ? all(shares.even) : Floats{};
  if (shares.probabilities) share += shares.whole * read(shares.probabilities);
  return shares.class_weight ? share * read(shares.class_weight) : share;
}

std::int64_t possible(const float* x, std::int64_t count) {
  std::int64_t found = 0;
  for (std::int64_t i = 0; i < count; ++i) found += x[i] != -INFINITE;
  return found;
}

// Where only one class has a share. The result is the value.
double row_of_one(const WaldSoftmax& call, std::int64_t row, float* gradient, double scale) {
  const float* x = row_of(call, row);
  const std::int64_t own = call.ids[row];
  const double share = call.class_weight ? call.class_weight[own] : 1.0f;
  const float top = largest_of(x, call.classes), own_logit = x[own];
  const float* next = row + 1 < call.rows ? row_of(call, row + 1) : x;
  const double sum = exponentials(x, call.classes, top, gradient, next), below = __builtin_log(sum);
  const double cost = below + (static_cast<double>(top) - own_logit), partition = top + below;
  if (gradient) {
    const double mass = scale * (share + 2 * call.z_loss * partition);
    multiply(gradient, call.classes, static_cast<float>(mass / sum));
    gradient[own] -= static_cast<float>(scale * share);
  }
  const double value = share == 0 && cost == INFINITE ? 0 : share * cost;
  return call.z_loss != 0 ? value + call.z_loss * partition * partition : value;
}

// Where many classes have a share. The logits are read again for the gradient, which may overwrite them.
double row_of_many(const WaldSoftmax& call, std::int64_t row, float* gradient, double scale) {
  const float* x = row_of(call, row);
  const std::int64_t classes = call.classes, own = call.ids ? call.ids[row] : 0;
  const double smoothing = call.label_smoothing;
  Shares shares = {call.shares ? call.shares + row * classes : nullptr, call.class_weight, 0.0f, 0.0f};
  shares.whole = static_cast<float>(1 - smoothing);
  if (smoothing != 0) shares.even = static_cast<float>(smoothing / static_cast<double>(possible(x, classes)));
  const float top = largest_of(x, classes);
  const double sum = exponentials(x, classes, top, nullptr, x), below = __builtin_log(sum), partition = top + below;
  double mass = 0, missed = 0;  // Σ share, Σ share (top - x)
  for (std::int64_t i = 0; i < classes;) {
    const std::int64_t stop = classes - i < GROUP ? classes : i + GROUP;
    Floats some = {}, gaps = {};
    for (; i < stop; i += LANES) {
      const int lanes = static_cast<int>(stop - i < LANES ? stop - i : LANES);
      const Floats here = lanes == LANES ? load(x + i) : load(x + i, lanes, -INFINITE);
      const Floats share = shares_at(shares, here, i, lanes);
      some += share;
      gaps += share == 0.0f ? Floats{} : share * (top - here);
    }
    i = stop;
    mass += total(some), missed += total(gaps);
  }
  if (call.ids) {
    const double share = (1 - smoothing) * (call.class_weight ? call.class_weight[own] : 1.0f);
    mass += share;
    if (share != 0) missed += share * (static_cast<double>(top) - x[own]);
  }
  if (gradient) {
    const float own_share = call.ids ? static_cast<float>((1 - smoothing) * (call.class_weight ? call.class_weight[own] : 1.0f)) : 0;
    const float factor = static_cast<float>(scale * (mass + 2 * call.z_loss * partition) / sum), k = static_cast<float>(scale);
    for (std::int64_t i = 0; i < classes; i += LANES) {
      const int lanes = static_cast<int>(classes - i < LANES ? classes - i : LANES);
      const bool full = lanes == LANES;
      const Floats here = full ? load(x + i) : load(x + i, lanes, -INFINITE);
      const Floats slope = factor * exp_of_negative(here - top) - k * shares_at(shares, here, i, lanes);
      full ? store(gradient + i, slope) : store(gradient + i, slope, lanes);
    }
    if (call.ids) gradient[own] -= k * own_share;
  }
  const double value = missed + (mass != 0 ? mass * below : (below != below ? below : 0));
  return call.z_loss != 0 ? value + call.z_loss * partition * partition : value;
}

double one_by_one(const WaldSoftmax& call, std::int64_t begin, std::int64_t end, std::int64_t* wrong) {
  const bool one = call.ids != nullptr && call.label_smoothing == 0;
  double sum = 0;
  for (std::int64_t row = begin; row < end; ++row) {
    const float weight = weight_of(call, row);
    float* gradient = gradient_of(call, row);
    double value = 0;
    if (weight == 0.0f) {
      clear(gradient, call.classes);
    } else if (!is_class(call, row)) {
      *wrong = row;
      return sum;
    } else {
      value = (one ? row_of_one : row_of_many)(call, row, gradient, call.scale * weight);
      sum += weight * value;
    }
    if (call.values) call.values[row] = static_cast<float>(value);
  }
  return sum;
}

}  // namespace

// Σ weight · value of the rows from `begin` to `end`; in `wrong` the first of them whose id is no class.
double softmax(const WaldSoftmax& call, std::int64_t begin, std::int64_t end, std::int64_t* wrong) {
  if (call.classes > FEW) return one_by_one(call, begin, end, wrong);
  const bool one = call.ids != nullptr && call.class_weight == nullptr && call.label_smoothing == 0;
  return (one ? many_at_once<true> : many_at_once<false>)(call, begin, end, wrong);
}

}  // namespace wald::WALD_LEVEL
