// Optimiser steps: one pass over parameters, gradients and moments.

static void adamw_kernel(size_t n, float *p, const float *g, float *m, float *v, float gscale, float rate, float decay,
                         float beta1, float beta2, float epsilon, float step, float vscale) {
  float keep = 1.0f - rate * decay;
  EACH(n, {
    vf gradient = LOAD(g) * gscale;
    vf first = LOAD(m) * beta1 + gradient * (1.0f - beta1);
    vf second = LOAD(v) * beta2 + gradient * gradient * (1.0f - beta2);
    STORE(m, first);
    STORE(v, second);
    STORE(p, LOAD(p) * keep - first * step / (__builtin_elementwise_sqrt(second) * vscale + epsilon));
  });
}

static void sgd_kernel(size_t n, float *p, const float *g, float *b, float gscale, float rate, float decay,
                       float momentum, int nesterov) {
  EACH(n, {
    vf parameter = LOAD(p);
    vf gradient = LOAD(g) * gscale + parameter * decay;
    vf velocity = LOAD(b) * momentum + gradient;
    STORE(b, velocity);
    STORE(p, parameter - (nesterov ? gradient + velocity * momentum : velocity) * rate);
  });
}
