// The processor's arithmetic at its limit, for benchmarks to be set beside.
#ifndef CKPEAK_H
#define CKPEAK_H

#include <stdint.h>

// Multiplies and adds in registers only, `rounds` times over independent chains, with the widest vectors that the CPU has; returns
// the number of floating-point operations done (a fused multiply-add counts two). `seed` keeps the compiler from knowing the result.
double ck_peak_operations(uint64_t rounds, float seed);

#endif
