// Element by element; an output may be an input.

static void fill_kernel(size_t n, float value, float *y) { EACH(n, STORE(y, (vf)value);); }

#define BINARY(name, expression)                                                                                       \
  static void name##_kernel(size_t n, const float *pa, const float *pb, float *y) {                                    \
    EACH(n, {                                                                                                          \
      vf a = LOAD(pa), b = LOAD(pb);                                                                                   \
      STORE(y, expression);                                                                                            \
    });                                                                                                                \
  }

BINARY(add, a + b)
BINARY(subtract, a - b)
BINARY(multiply, a *b)
BINARY(divide, a / b)
BINARY(maximum, choose((a >= b) | (a != a), a, b))
BINARY(relu_gradient, choose(a > (vf)0.0f, b, (vf)0.0f))
BINARY(gelu_gradient, b *gelu_slope_of(a))
BINARY(tanh_gradient, b *(1.0f - a * a))
#undef BINARY

#define UNARY(name, expression)                                                                                        \
  static void name##_kernel(size_t n, const float *px, float *y) {                                                     \
    EACH(n, {                                                                                                          \
      vf x = LOAD(px);                                                                                                 \
      STORE(y, expression);                                                                                            \
    });                                                                                                                \
  }

UNARY(exp, exp_of(x))
UNARY(log, log_of(x))
UNARY(sqrt, __builtin_elementwise_sqrt(x))
UNARY(tanh, tanh_of(x))
UNARY(relu, choose((x > (vf)0.0f) | (x != x), x, (vf)0.0f))
UNARY(gelu, gelu_of(x))
#undef UNARY

static void scale_shift_kernel(size_t n, const float *x, float scale, float shift, float *y) {
  EACH(n, STORE(y, LOAD(x) * scale + shift););
}

static void accumulate_kernel(size_t n, float scale, const float *x, float *y) {
  EACH(n, STORE(y, LOAD(y) + LOAD(x) * scale););
}
