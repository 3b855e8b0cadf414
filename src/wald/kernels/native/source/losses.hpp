// The elementwise losses: what each costs, and how that changes with the prediction.
//
// A loss is a struct with up to four parameters and `at`; the list in calls.hpp names it. The formulas are those of
// the definitions in wald/losses, to the last awkward case: an infinite logit on the right side costs nothing.
#pragma once

#include "functions.hpp"

namespace wald::WALD_LEVEL {

struct Point {
  Floats value, slope;
};

// share · cost, but nothing where there is no share, not even of an infinite cost.
WALD_INLINE Floats part(Floats share, Floats cost) { return share == 0.0f ? Floats{} : share * cost; }

WALD_INLINE Floats sign(Floats x) { return x > 0.0f ? all(1.0f) : (x < 0.0f ? all(-1.0f) : x); }

WALD_INLINE Floats held(Floats x, float low, float high) { return larger(all(low), smaller(all(high), x)); }

struct Squared {
  explicit Squared(const float*) {}
  WALD_ALWAYS Point at(Floats prediction, Floats target) const {
    const Floats r = prediction - target;
    return {r * r, r + r};
  }
};

struct Absolute {
  explicit Absolute(const float*) {}
  WALD_ALWAYS Point at(Floats prediction, Floats target) const {
    const Floats r = prediction - target;
    return {magnitude(r), sign(r)};
  }
};

struct Percentage {
  float floor;
  explicit Percentage(const float* given) : floor(given[0]) {}
  WALD_ALWAYS Point at(Floats prediction, Floats target) const {
    const Floats r = prediction - target, size = larger(all(floor), magnitude(target));
    return {magnitude(r) / size, sign(r) / size};
  }
};

struct SquaredLog {
  explicit SquaredLog(const float*) {}
  WALD_ALWAYS Point at(Floats prediction, Floats target) const {
    const Floats r = log1p(prediction) - log1p(target);
    return {r * r, (r + r) / (1.0f + prediction)};
  }
};

struct Huber {
  float delta;
  explicit Huber(const float* given) : delta(given[0]) {}
  WALD_ALWAYS Point at(Floats prediction, Floats target) const {
    const Floats r = prediction - target, slope = held(r, -delta, delta);
    return {slope * (r - 0.5f * slope), slope};
  }
};

struct PseudoHuber {
  float delta;
  explicit PseudoHuber(const float* given) : delta(given[0]) {}
  WALD_ALWAYS Point at(Floats prediction, Floats target) const {
    const Floats r = prediction - target, size = magnitude(r);
    const Floats most = larger(all(delta), size), q = smaller(all(delta), size) / most;
    const Floats hypotenuse = most * root(1.0f + q * q);
    return {delta * r * (r / (hypotenuse + delta)), delta * (r / hypotenuse)};
  }
};

struct LogCosh {
  float scale, inverse;
  explicit LogCosh(const float* given) : scale(given[0]), inverse(1.0f / given[0]) {}
  WALD_ALWAYS Point at(Floats prediction, Floats target) const {
    const Floats r = (prediction - target) / scale, size = magnitude(r);
    // Up to 1 by way of sinh(r/2); what is added beyond 1 is exactly 0 until then.
    const Floats half = sinh_to_half(0.5f * held(r, -1.0f, 1.0f)), twice = 2.0f * half * half;
    const Floats beyond = larger(Floats{}, size - 1.0f);
    const Floats faded = exp(-2.0f * beyond) - 1.0f;
    const Floats value = log1p_to_one(twice) + (beyond + log1p_to_one(faded * 0.119202922f));
    // tanh r, from the half near 0 and from e^-2|r| beyond.
    const Floats near = 2.0f * half * root(1.0f + half * half) / (1.0f + twice);
    const Floats e = exp(-2.0f * size);
    const Floats far = signed_like((1.0f - e) / (1.0f + e), r);
    return {scale * scale * value, scale * (size <= 1.0f ? near : far)};
  }
};

struct Pinball {
  float level, rest;
  explicit Pinball(const float* given) : level(given[0]), rest(given[1]) {}
  WALD_ALWAYS Point at(Floats prediction, Floats target) const {
    const Floats error = target - prediction;
    const Floats weight = error > 0.0f ? all(-level) : (error < 0.0f ? all(rest) : Floats{});
    return {level * larger(Floats{}, error) + rest * larger(Floats{}, -error), weight};
  }
};

struct SmoothedPinball {
  float level, rest, width;
  explicit SmoothedPinball(const float* given) : level(given[0]), rest(given[1]), width(given[2]) {}
  WALD_ALWAYS Point at(Floats prediction, Floats target) const {
    const Floats error = target - prediction, inside = held(error, -width, width);
    const Floats up = width + inside, down = width - inside;
    const Floats curved = (level * up * up + rest * down * down) / (4.0f * width);
    const Floats above = larger(Floats{}, error - width), below = larger(Floats{}, -error - width);
    return {curved + level * above + rest * below, (rest * down - level * up) / (2.0f * width)};
  }
};

struct Expectile {
  float level, rest;
  explicit Expectile(const float* given) : level(given[0]), rest(given[1]) {}
  WALD_ALWAYS Point at(Floats prediction, Floats target) const {
    const Floats error = target - prediction, weighted = (error > 0.0f ? all(level) : all(rest)) * error;
    return {weighted * error, -2.0f * weighted};
  }
};

struct Linex {
  float steepness;
  explicit Linex(const float* given) : steepness(given[0]) {}
  WALD_ALWAYS Point at(Floats prediction, Floats target) const {
    const Floats x = steepness * (prediction - target);
    const Ints is_near = magnitude(x) <= 0.5f;
    const Floats near = exp_beyond_line(x), grown = exp(x) - 1.0f;
    const Floats value = is_near ? near : grown - x;
    return {value / (steepness * steepness), (is_near ? near + x : grown) / steepness};
  }
};

struct Poisson {
  explicit Poisson(const float*) {}
  WALD_ALWAYS Point at(Floats log_rate, Floats target) const {
    const Floats rate = exp(log_rate);
    return {rate - target * log_rate, rate - target};
  }
};

struct PoissonRate {
  explicit PoissonRate(const float*) {}
  WALD_ALWAYS Point at(Floats rate, Floats target) const {
    // A rate may be 0 where nothing is counted, and then has no log, nor needs one.
    const Floats counted = target > 0.0f ? rate : all(1.0f);
    return {rate - target * log(counted), 1.0f - target / counted};
  }
};

struct Gamma {
  explicit Gamma(const float*) {}
  WALD_ALWAYS Point at(Floats log_mean, Floats target) const {
    const Floats ratio = target * exp(-log_mean);
    return {log_mean + ratio, 1.0f - ratio};
  }
};

struct GammaMean {
  explicit GammaMean(const float*) {}
  WALD_ALWAYS Point at(Floats mean, Floats target) const {
    const Floats ratio = target / mean;
    return {log(mean) + ratio, (1.0f - ratio) / mean};
  }
};

// For powers between those of Poisson and Gamma and beyond.
struct Tweedie {
  float up, down;
  explicit Tweedie(const float* given) : up(given[0]), down(given[1]) {}
  WALD_ALWAYS Point at(Floats log_mean, Floats target) const {
    const Floats counted = target > 0.0f ? log_mean : all(1.0f);
    const Floats rise = exp(up * log_mean), fall = target * exp(down * counted);
    return {rise / up - fall / down, rise - fall};
  }
};

struct BinaryCrossEntropy {
  float pos_weight, kept, moved;  // a target t is read as kept · t + moved
  explicit BinaryCrossEntropy(const float* given) : pos_weight(given[0]), kept(given[1]), moved(given[2]) {}
  WALD_ALWAYS Point at(Floats logit, Floats target) const {
    target = kept * target + moved;
    const Floats yes = pos_weight * target, no = 1.0f - target;
    const Logistic p = logistic(logit);
    return {part(yes, p.yes_cost) + part(no, p.no_cost), no * p.yes - yes * p.no};
  }
};

// What something true costs where easy cases fade: (1 - p)^gamma · -log p, and its slope in the logit.
WALD_INLINE Point faded(Floats yes, Floats no, Floats cost, float gamma) {
  if (gamma == 0.0f) return {cost, -no};
  const Floats fade = raised(no, gamma);
  const Floats pull = yes == 0.0f ? Floats{} : yes * cost;  // p log p, 0 at an infinite cost
  return {fade * cost, -fade * (gamma * pull + no)};
}

struct Focal {
  float gamma, positive, negative;
  explicit Focal(const float* given) : gamma(given[0]), positive(given[1]), negative(given[2]) {}
  WALD_ALWAYS Point at(Floats logit, Floats target) const {
    const Floats yes = positive * target, no = negative * (1.0f - target);
    const Logistic p = logistic(logit);
    const Point up = faded(p.yes, p.no, p.yes_cost, gamma), down = faded(p.no, p.yes, p.no_cost, gamma);
    return {part(yes, up.value) + part(no, down.value), yes * up.slope - no * down.slope};
  }
};

struct AsymmetricFocal {
  float gamma_pos, gamma_neg, clip;
  explicit AsymmetricFocal(const float* given) : gamma_pos(given[0]), gamma_neg(given[1]), clip(given[2]) {}
  WALD_ALWAYS Point at(Floats logit, Floats target) const {
    const Logistic p = logistic(logit);
    const Point yes = faded(p.yes, p.no, p.yes_cost, gamma_pos);
    Point no;
    if (clip == 0.0f) {
      no = faded(p.no, p.yes, p.no_cost, gamma_neg);
      no.slope = -no.slope;
    } else {
      // What is left of 1 - p once a probability of `clip` is forgiven; 1 costs nothing and has no slope.
      const Floats left = smaller(all(1.0f), p.no + clip), gone = larger(Floats{}, p.yes - clip);
      Floats inverse;
      const Floats cost = -log_and_inverse(left, &inverse);
      // gone^gamma is gone · gone^(gamma - 1), but 1 where gamma is 0.
      const bool fades = gamma_neg != 0.0f;
      const Floats slower = fades ? raised(gone, gamma_neg - 1.0f) : all(1.0f), last = fades ? gone : all(1.0f);
      const Ints counts = ~((left >= 1.0f) | (gone <= 0.0f));
      no.value = counts ? slower * last * cost : Floats{};
      no.slope = counts ? slower * (p.yes * p.no) * (gamma_neg * cost + last * inverse) : Floats{};
    }
    const Floats rest = 1.0f - target;
    return {part(target, yes.value) + part(rest, no.value), target * yes.slope + rest * no.slope};
  }
};

struct Hinge {
  float margin;
  explicit Hinge(const float* given) : margin(given[0]) {}
  WALD_ALWAYS Point at(Floats score, Floats target) const {
    const Floats yes = larger(Floats{}, margin - score), no = larger(Floats{}, margin + score), rest = 1.0f - target;
    const Floats up = no > 0.0f ? rest : Floats{}, down = yes > 0.0f ? target : Floats{};
    return {part(target, yes) + part(rest, no), up - down};
  }
};

struct SquaredHinge {
  float margin;
  explicit SquaredHinge(const float* given) : margin(given[0]) {}
  WALD_ALWAYS Point at(Floats score, Floats target) const {
    const Floats yes = larger(Floats{}, margin - score), no = larger(Floats{}, margin + score), rest = 1.0f - target;
    return {part(target, yes * yes) + part(rest, no * no), 2.0f * (part(rest, no) - part(target, yes))};
  }
};

}  // namespace wald::WALD_LEVEL
