// Vectors as wide as the instruction level: one source for AVX-512, AVX2, NEON and plain code.
#pragma once

#include <cstdint>
#include <utility>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define WALD_ALWAYS inline __attribute__((always_inline))
#define WALD_INLINE static WALD_ALWAYS

// Whatever a file is compiled for more than once lives in a namespace of its level, so that no two levels share a name.
namespace wald::WALD_LEVEL {

#if defined(__AVX512F__)
constexpr int LANES = 16;
#elif defined(__AVX2__)
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif

typedef float Floats __attribute__((vector_size(4 * LANES)));
typedef std::int32_t Ints __attribute__((vector_size(4 * LANES)));
typedef double Doubles __attribute__((vector_size(8 * LANES)));

// The same in memory that is aligned to single numbers only.
typedef float Unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

WALD_INLINE Floats load(const float* from) { return *reinterpret_cast<const Unaligned*>(from); }
WALD_INLINE void store(float* to, Floats x) { *reinterpret_cast<Unaligned*>(to) = x; }

WALD_INLINE Floats all(float x) { return x - Floats{}; }
WALD_INLINE Ints up_from_zero() {
  Ints x;
  for (int i = 0; i < LANES; ++i) x[i] = i;
  return x;
}

// The first `count` lanes, and `rest` in the others. Nothing beyond them is touched.
WALD_INLINE Floats load(const float* from, int count, float rest) {
#if defined(__AVX512F__)
  return _mm512_mask_loadu_ps(all(rest), static_cast<__mmask16>((1u << count) - 1), from);
#elif defined(__AVX2__)
  const Ints inside = up_from_zero() < count;
  const Floats found = _mm256_maskload_ps(from, reinterpret_cast<__m256i>(inside));
  return inside ? found : all(rest);
#else
  Floats x = all(rest);
  for (int i = 0; i < count; ++i) x[i] = from[i];
  return x;
#endif
}
WALD_INLINE void store(float* to, Floats x, int count) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << count) - 1), x);
#elif defined(__AVX2__)
  _mm256_maskstore_ps(to, reinterpret_cast<__m256i>(up_from_zero() < count), x);
#else
  for (int i = 0; i < count; ++i) to[i] = x[i];
#endif
}

WALD_INLINE Ints bits(Floats x) { return reinterpret_cast<Ints>(x); }
WALD_INLINE Floats number(Ints x) { return reinterpret_cast<Floats>(x); }
WALD_INLINE Floats converted(Ints x) { return __builtin_convertvector(x, Floats); }

// In both, a NaN on the right stays: a comparison with it is false. x86 has instructions that do just this.
WALD_INLINE Floats larger(Floats x, Floats y) {
#if defined(__AVX512F__)
  return _mm512_max_ps(x, y);
#elif defined(__AVX2__)
  return _mm256_max_ps(x, y);
#elif defined(__x86_64__)
  return _mm_max_ps(x, y);
#else
  return x > y ? x : y;
#endif
}
WALD_INLINE Floats smaller(Floats x, Floats y) {
#if defined(__AVX512F__)
  return _mm512_min_ps(x, y);
#elif defined(__AVX2__)
  return _mm256_min_ps(x, y);
#elif defined(__x86_64__)
  return _mm_min_ps(x, y);
#else
  return x < y ? x : y;
#endif
}

WALD_INLINE Floats magnitude(Floats x) { return number(bits(x) & 0x7fffffff); }

// `size` with the sign of `x`.
WALD_INLINE Floats signed_like(Floats size, Floats x) {
  return number((bits(size) & 0x7fffffff) | (bits(x) & static_cast<std::int32_t>(0x80000000)));
}

WALD_INLINE Floats root(Floats x) {
#if defined(__AVX512F__)
  return _mm512_sqrt_ps(x);
#elif defined(__AVX2__)
  return _mm256_sqrt_ps(x);
#elif defined(__x86_64__)
  return _mm_sqrt_ps(x);
#elif defined(__aarch64__)
  return vsqrtq_f32(x);
#else
  for (int i = 0; i < LANES; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
#endif
}

// 1 / x where neither is near the ends of what a float can hold, to 1 unit in the last place.
WALD_INLINE Floats inverse(Floats x) {
#if defined(__AVX512F__)
  // A division takes as long as twenty other steps. From 14 bits one step of Newton's makes 28.
  const Floats near = _mm512_rcp14_ps(x);
  return near + near * (1.0f - x * near);
#else
  return 1.0f / x;
#endif
}

WALD_INLINE float largest(Floats x) {
  float found = x[0];
  for (int i = 1; i < LANES; ++i) found = found > x[i] ? found : x[i];
  return found;
}

WALD_INLINE Doubles widened(Floats x) { return __builtin_convertvector(x, Doubles); }

WALD_INLINE double total(Doubles x) {
  double sum = 0;
  for (int i = 0; i < LANES; ++i) sum += x[i];
  return sum;
}
WALD_INLINE double total(Floats x) { return total(widened(x)); }

constexpr float INFINITE = __builtin_huge_valf();

// Lane j of the result is the numbered lane of x and y laid end to end.
template <int... FROM>
WALD_INLINE Floats shuffled(Floats x, Floats y) {
#if defined(__clang__)
  return __builtin_shufflevector(x, y, FROM...);
#else
  return __builtin_shuffle(x, y, Ints{FROM...});
#endif
}

// Exchanges, in each pair of vectors that lie DISTANCE apart, the blocks of DISTANCE lanes off the diagonal.
template <int DISTANCE, int... LANE>
WALD_INLINE void exchange(Floats* x, std::integer_sequence<int, LANE...>) {
  for (int i = 0; i < LANES; ++i) {
    if (i & DISTANCE) continue;
    const Floats upper = x[i], lower = x[i + DISTANCE];
    x[i] = shuffled<(LANE & DISTANCE ? LANES + LANE - DISTANCE : LANE)...>(upper, lower);
    x[i + DISTANCE] = shuffled<(LANE & DISTANCE ? LANES + LANE : LANE + DISTANCE)...>(upper, lower);
  }
}

// Turns a square of LANES vectors, so that lane j of vector i becomes lane i of vector j.
WALD_INLINE void turn(Floats* x) {
  constexpr std::make_integer_sequence<int, LANES> lanes{};
  exchange<1>(x, lanes);
  exchange<2>(x, lanes);
  if constexpr (LANES > 4) exchange<4>(x, lanes);
  if constexpr (LANES > 8) exchange<8>(x, lanes);
}

}  // namespace wald::WALD_LEVEL
