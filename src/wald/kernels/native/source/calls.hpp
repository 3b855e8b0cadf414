// What Python hands over: the same structs stand in wald/kernels/native/calls.py, field by field.
#pragma once

#include <cstdint>

extern "C" {

// An elementwise loss of `count` numbers.
struct WaldElementwise {
  std::int64_t loss;        // by wald_elementwise_loss
  std::int64_t count;
  const float* prediction;
  const float* target;
  const float* weight;      // what each example counts; null for 1; 0 is never looked at
  float* values;            // the values, unweighted; null if unwanted
  float* gradient;          // weight · scale · slope; null if unwanted
  double scale;
  float parameters[4];
  double sum;               // out: Σ weight · value
};

// Cross-entropy of rows of logits. Row r begins at (r / inner) · outer_step + (r % inner) · row_step.
struct WaldSoftmax {
  std::int64_t rows, classes, inner, outer_step, row_step;
  const float* logits;
  const std::int64_t* ids;     // one a row; null where there are shares
  const float* shares;         // rows × classes probabilities; null where there are ids
  const float* class_weight;   // null for 1
  const float* weight;         // what each row counts; null for 1; 0 is never looked at
  float* values;               // the values, unweighted; null if unwanted
  float* gradient;             // rows × classes; where the logits are, to overwrite them; null if unwanted
  double scale, label_smoothing, z_loss;
  double sum;                  // out: Σ weight · value
  std::int64_t wrong;          // out: the first row whose id is no class, or -1
};

}  // extern "C"

// Their names, as wald/kernels/elementwise.py asks for them.
#define WALD_ELEMENTWISE_LOSSES(LOSS)                                                                          \
  LOSS(Squared) LOSS(Absolute) LOSS(Percentage) LOSS(SquaredLog) LOSS(Huber) LOSS(PseudoHuber) LOSS(LogCosh)   \
  LOSS(Pinball) LOSS(SmoothedPinball) LOSS(Expectile) LOSS(Linex) LOSS(Poisson) LOSS(PoissonRate) LOSS(Gamma)  \
  LOSS(GammaMean) LOSS(Tweedie) LOSS(BinaryCrossEntropy) LOSS(Focal) LOSS(AsymmetricFocal) LOSS(Hinge)         \
  LOSS(SquaredHinge)

