// exp, log and their kin on vectors of floats, right at ±inf, NaN and denormal numbers.
//
// They err by less than 2 units in the last place, and what is made of them here, softplus and the logistic function,
// by less than 4 (tests/kernels/native_kernels/test_functions.py).
#pragma once

#include "lanes.hpp"

namespace wald::WALD_LEVEL {

constexpr float LOG2_E = 1.44269504f;
// log 2 in two parts: so few bits in the first that a whole number times it is exact.
constexpr float LN2_HIGH = 0.693359375f, LN2_LOW = -2.12194440e-4f;
// Added to a small number, it leaves that number rounded to a whole one in the low bits.
constexpr float ROUNDER = 12582912.0f;

// e^rest and the exponent of 2 that goes with it: x = exponent · log 2 + rest.
WALD_INLINE Floats exp_of_rest(Floats x, Ints* exponent) {
  Floats rounded = x * LOG2_E + ROUNDER;
  *exponent = bits(rounded) - bits(all(ROUNDER));
  rounded -= ROUNDER;
  const Floats rest = (x - rounded * LN2_HIGH) - rounded * LN2_LOW;
  Floats p = all(0.00139269265f);
  p = p * rest + 0.00836377387f;
  p = p * rest + 0.0416665501f;
  p = p * rest + 0.166665734f;
  p = p * rest + 0.5f;
  return (p * rest + 1.0f) * rest + 1.0f;
}

WALD_INLINE Floats power_of_two(Ints exponent) { return number((exponent + 127) << 23); }

WALD_INLINE Floats exp(Floats x) {
  // Beyond these bounds the result is infinite or 0 all the same.
  x = larger(all(-104.0f), smaller(all(89.0f), x));
  Ints exponent;
  const Floats y = exp_of_rest(x, &exponent);
  // 2^exponent may be no normal number itself, so it is multiplied by in two halves.
  const Ints half = exponent >> 1;
  return y * power_of_two(half) * power_of_two(exponent - half);
}

// exp for x ≤ 0, but 0 below -87, where denormal numbers begin: they are slow, and sums do not feel them.
WALD_INLINE Floats exp_of_negative(Floats x) {
  Ints exponent;
  const Floats y = exp_of_rest(x, &exponent);
  return x < -87.0f ? Floats{} : y * power_of_two(exponent);
}

// log(1 + f) with 2 atanh(s) = 2 s + s · series, s = f / (2 + f), arranged so that f itself is never rounded.
WALD_INLINE Floats log1p_by(Floats f, Floats s, Floats series, Floats low) {
  const Floats half_square = 0.5f * f * f;
  return f - (half_square - (s * (half_square + series) + low));
}

// A positive number taken apart: x = 2^exponent (1 + f), with 1 + f between √½ and √2.
struct Apart {
  Floats f;
  Ints exponent;
};

WALD_INLINE Apart normal_apart(Floats x) {
  const Ints exponent = (bits(x) - 0x3f3504f3) >> 23;
  return {number(bits(x) - (exponent << 23)) - 1.0f, exponent};
}

WALD_INLINE Apart apart(Floats x) {
  const Ints tiny = x < 1.17549435e-38f;
  const Apart found = normal_apart(tiny ? x * 16777216.0f : x);
  return {found.f, found.exponent - (tiny & 24)};
}

WALD_INLINE Floats log_of(Apart x, Floats s) {
  const Floats z = s * s, k = converted(x.exponent);
  Floats series = all(0.233423100f);
  series = series * z + 0.285503833f;
  series = series * z + 0.400001257f;
  series = series * z + 0.666666665f;
  return k * LN2_HIGH + log1p_by(x.f, s, z * series, k * LN2_LOW);
}

WALD_INLINE Floats log(Floats x) {
  const Apart parts = apart(x);
  const Floats result = log_of(parts, parts.f / (2.0f + parts.f));
  const Floats outside = x == 0.0f ? all(-INFINITE) : all(__builtin_nanf(""));
  return x > 0.0f ? (x < INFINITE ? result : x) : outside;
}

// The log of a number and its inverse, with one division for both. The number is positive, finite and not denormal.
WALD_INLINE Floats log_and_inverse(Floats x, Floats* one_by) {
  const Apart parts = normal_apart(x);
  const Floats rest = 1.0f + parts.f, both = 2.0f + parts.f;
  const Floats divided = inverse(rest * both);
  *one_by = divided * both * power_of_two(-parts.exponent);
  return log_of(parts, parts.f * rest * divided);
}

// log(1 + x) for x between -0.3 and 1, by s = x / (2 + x).
WALD_INLINE Floats log1p_to_one(Floats x, Floats s) {
  const Floats z = s * s;
  Floats series = all(0.232243292f);
  series = series * z + 0.217065758f;
  series = series * z + 0.285923580f;
  series = series * z + 0.399997063f;
  series = series * z + 0.666666673f;
  return log1p_by(x, s, z * series, Floats{});
}
WALD_INLINE Floats log1p_to_one(Floats x) { return log1p_to_one(x, x / (2.0f + x)); }

WALD_INLINE Floats log1p(Floats x) {
  const Floats y = 1.0f + x;
  const Floats lost = x - (y - 1.0f);  // by rounding 1 + x
  const Floats near = log(y);
  const Ints usual = (y > 0.0f) & (y < INFINITE);
  return usual ? near + lost / y : near;
}

// e^x - 1 - x for |x| ≤ 1/2, to the last digits.
WALD_INLINE Floats exp_beyond_line(Floats x) {
  Floats p = all(2.48015873e-5f);
  p = p * x + 1.98412698e-4f;
  p = p * x + 1.38888889e-3f;
  p = p * x + 8.33333333e-3f;
  p = p * x + 4.16666667e-2f;
  p = p * x + 1.66666667e-1f;
  p = p * x + 0.5f;
  return p * x * x;
}

// sinh x for |x| ≤ 1/2.
WALD_INLINE Floats sinh_to_half(Floats x) {
  const Floats z = x * x;
  Floats p = all(1.99449160e-4f);
  p = p * z + 8.33323606e-3f;
  p = p * z + 0.166666668f;
  return x + x * z * p;
}

// x^power for x ≥ 0; the same power for all lanes.
WALD_INLINE Floats raised(Floats x, float power) {
  if (power == 0.0f) return all(1.0f);
  if (power == 1.0f) return x;
  if (power == 2.0f) return x * x;
  if (power == 3.0f) return x * x * x;
  if (power == 4.0f) return (x * x) * (x * x);
  return exp(power * log(x));
}

// A logit seen from both sides: p = 1 / (1 + e^-x), and what a yes and a no cost.
struct Logistic {
  Floats yes, no;            // p and 1 - p
  Floats yes_cost, no_cost;  // -log p and -log(1 - p)
};

WALD_INLINE Logistic logistic(Floats x) {
  const Floats u = exp_of_negative(-magnitude(x));
  // One division for 1 / (1 + u) and u / (2 + u).
  const Floats one = 1.0f + u, two = 2.0f + u, divided = inverse(one * two);
  const Floats likelier = two * divided, rarer = u * likelier;
  const Floats common = log1p_to_one(u, u * one * divided);
  const Ints up = x > 0.0f;
  return {
      up ? likelier : rarer,
      up ? rarer : likelier,
      larger(Floats{}, -x) + common,
      larger(Floats{}, x) + common,
  };
}

}  // namespace wald::WALD_LEVEL
