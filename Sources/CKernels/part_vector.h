// Vectors of W floats: loading, storing, the ends of arrays.

// Products and sums in one expression become fused where the processor has that.
#pragma clang fp contract(fast)

typedef float vf __attribute__((ext_vector_type(W)));
typedef int32_t vi __attribute__((ext_vector_type(W)));
typedef uint32_t vu __attribute__((ext_vector_type(W)));
typedef float vf_unaligned __attribute__((ext_vector_type(W), aligned(4)));

#define INLINE static inline __attribute__((always_inline))

INLINE vf load(const float *p) { return *(const vf_unaligned *)p; }
INLINE void store(float *p, vf v) { *(vf_unaligned *)p = v; }

// The first n < W lanes; the others are 0 on loading, and left alone on storing.
INLINE vf load_part(const float *p, size_t n) {
#if W == 16
  return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
  vf v = 0;
  for (size_t i = 0; i < n; i++) v[i] = p[i];
  return v;
#endif
}

INLINE void store_part(float *p, vf v, size_t n) {
#if W == 16
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#else
  for (size_t i = 0; i < n; i++) p[i] = v[i];
#endif
}

INLINE vi lane_numbers(void) {
  vi lanes;
  for (int i = 0; i < W; i++) lanes[i] = i;
  return lanes;
}

// Lanes from n on replaced by `other`.
INLINE vf first_lanes(vf v, size_t n, float other) { return lane_numbers() < (vi)(int32_t)n ? v : (vf)other; }

INLINE vf as_float(vi v) { return (vf)v; }
INLINE vi as_int(vf v) { return (vi)v; }
INLINE vf choose(vi condition, vf yes, vf no) { return condition ? yes : no; }
INLINE vf vmax(vf a, vf b) { return a > b ? a : b; }
INLINE vf vmin(vf a, vf b) { return a < b ? a : b; }
INLINE vf vabs(vf v) { return as_float(as_int(v) & 0x7fffffff); }

INLINE float sum_of(vf v) {
  float s[W];
  store(s, v);
  for (int half = W / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; i++) s[i] += s[i + half];
  }
  return s[0];
}

// The largest lane; a nan may be passed over.
INLINE float largest_of(vf v) {
  float s[W];
  store(s, v);
  for (int half = W / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; i++) s[i] = s[i] > s[i + half] ? s[i] : s[i + half];
  }
  return s[0];
}

// EACH(n, BODY) runs BODY over 0..<n with `i` the first element; PART is 0 for whole vectors, else how many lanes are left.
// LOAD and STORE follow it, so that an element gets the same arithmetic wherever the end of the array is.
#define LOAD(p) (part ? load_part((p) + i, part) : load((p) + i))
#define STORE(p, v)                                                                                                    \
  do {                                                                                                                 \
    vf stored = (v);                                                                                                   \
    if (part) {                                                                                                        \
      store_part((p) + i, stored, part);                                                                               \
    } else {                                                                                                           \
      store((p) + i, stored);                                                                                          \
    }                                                                                                                  \
  } while (0)
#define EACH(n, ...)                                                                                                   \
  do {                                                                                                                 \
    size_t i = 0;                                                                                                      \
    for (; i + W <= (n); i += W) {                                                                                     \
      enum { part = 0 };                                                                                               \
      __VA_ARGS__                                                                                                      \
    }                                                                                                                  \
    if (i < (n)) {                                                                                                     \
      size_t part = (n) - i;                                                                                           \
      __VA_ARGS__                                                                                                      \
    }                                                                                                                  \
  } while (0)
