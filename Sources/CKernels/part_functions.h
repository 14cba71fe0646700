// Elementary functions on vectors. Bounds are measured over the whole range by KernelAccuracyTests.

// exp: 2^n e^r with |r| <= ln 2 / 2, ln 2 in two parts; polynomial of Moshier's Cephes library. The power is applied by the
// processor's own instruction, else in two steps, so that results below the normal range come out rounded once and overflow gives
// infinity.
INLINE vf exp_of(vf x) {
  vf bounded = vmin((vf)89.0f, vmax((vf)-104.0f, x)); // in this order a nan passes
  // Adding and taking away 1.5 * 2^23 rounds to an integer, whose bits then stand at the low end.
  const vf magic = 12582912.0f;
  vf shifted = bounded * 1.44269504088896341f + magic;
  vf whole = shifted - magic;
  vf r = bounded - whole * 0.693359375f;
  r = r - whole * -2.12194440e-4f;
  vf p = (vf)1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  vf y = p * (r * r) + r + 1.0f;
#if W == 16
  return (vf)_mm512_scalef_ps((__m512)y, (__m512)whole);
#else
  vi n = as_int(shifted) - as_int(magic);
  vi half = n >> 1;
  return y * as_float((half + 127) << 23) * as_float((n - half + 127) << 23);
#endif
}

// log: mantissa in [sqrt(1/2), sqrt 2), polynomial of Cephes; numbers below the normal range are scaled first.
INLINE vf log_of(vf x) {
  vi small = x < (vf)1.17549435e-38f;
  vf scaled = choose(small, x * 8388608.0f, x);
  vi bits = as_int(scaled);
  vi exponent = ((bits >> 23) & 0xff) - 126;
  exponent = small ? exponent - 23 : exponent;
  vf m = as_float((bits & 0x007fffff) | 0x3f000000); // in [0.5, 1)
  vi low = m < (vf)0.70710678118654752f;
  exponent = low ? exponent - 1 : exponent;
  m = choose(low, m + m, m) - 1.0f;
  vf z = m * m;
  vf p = (vf)7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  vf e = __builtin_convertvector(exponent, vf);
  vf y = m * z * p + e * -2.12194440e-4f - 0.5f * z;
  y = m + y + e * 0.693359375f;
  y = choose(x == (vf)INFINITY, x, y);
  y = choose(x == (vf)0.0f, (vf)-INFINITY, y);
  return choose((x < (vf)0.0f) | (x != x), (vf)NAN, y);
}

// tanh: an odd polynomial near 0 (Cephes), 1 - 2 / (e^2|x| + 1) beyond.
INLINE vf tanh_of(vf x) {
  vf a = vabs(x);
  vf z = a * a;
  vf p = (vf)-5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  vf near = p * z * a + a;
  vf far = 1.0f - 2.0f / (exp_of(a + a) + 1.0f);
  vf y = choose(a < (vf)0.625f, near, far);
  vf with_sign = as_float(as_int(y) | (as_int(x) & (int32_t)0x80000000));
  return choose(x == x, with_sign, x);
}

// erfc(z) / e^(-z^2) for z >= 0: t Q(t) with t = 1 / (1 + 0.35 z). Q is our own fit, relative error 1.3e-8 for z in [0, 30].
INLINE vf erfcx_of(vf z) {
  vf t = 1.0f / (z * 0.35f + 1.0f);
  vf q = (vf)4.3499141505e-2f;
  q = q * t - 1.8671187776e-1f;
  q = q * t + 2.4700089828e-1f;
  q = q * t - 1.1534507070e-1f;
  q = q * t + 1.6006069052e-1f;
  q = q * t + 1.0678655943e-1f;
  q = q * t + 1.6476012612e-1f;
  q = q * t + 1.8499630029e-1f;
  q = q * t + 1.9748736494e-1f;
  q = q * t + 1.9746587982e-1f;
  return q * t;
}

// e^(-a b) with the product's rounding error put back, which matters where a b is large.
INLINE vf exp_of_minus_product(vf a, vf b) {
  vf product = a * b;
#if LEVEL == CK_BASELINE
  vf error = 0; // without a fused multiply-add the error is not at hand
#else
  vf error = __builtin_elementwise_fma(a, b, -product);
#endif
  vf e = exp_of(-product);
  return e - e * error;
}

// Phi(-|x|) / e^(-x^2 / 2)
INLINE vf lower_tail_of(vf x) { return 0.5f * erfcx_of(vabs(x) * 0.70710678118654752f); }

// x Phi(x), and its derivative Phi(x) + x phi(x), which share the exponential.
INLINE vf gelu_with_slope_of(vf x, vf *slope) {
  vf a = vmin(vabs(x), (vf)15.0f); // beyond, the tail times x is 0 in float32
  vf e = exp_of_minus_product(a, a * 0.5f);
  vf tail = e * lower_tail_of(a);
  vi positive = x > (vf)0.0f;
  vf s = choose(positive, 1.0f - tail, tail) + vmin(vmax(x, (vf)-15.0f), (vf)15.0f) * e * 0.398942280401432678f;
  *slope = choose(x == x, s, x);
  vf y = choose(positive, x - x * tail, x * tail);
  y = choose(x < (vf)-15.0f, (vf)-0.0f, y);
  return choose(x > (vf)15.0f, x, y);
}

INLINE vf gelu_of(vf x) {
  vf unused;
  return gelu_with_slope_of(x, &unused);
}

INLINE vf gelu_slope_of(vf x) {
  vf slope;
  gelu_with_slope_of(x, &slope);
  return slope;
}
