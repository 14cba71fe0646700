// The contrastive losses' row work, on runs of similarities x (already divided by the temperature).

// Adds a run to a log-sum-exp kept as (maximum, sum of exp(x - maximum)).
static void logsum_append_kernel(size_t n, const float *x, float *maximum, float *sum) {
  if (n == 0) return;
  vf top = (vf)-INFINITY;
  EACH(n, {
    vf v = LOAD(x);
    top = vmax(top, part ? first_lanes(v, part, -INFINITY) : v);
  });
  float highest = largest_of(top);
  if (highest > *maximum) {
    *sum *= expf(*maximum - highest);
    *maximum = highest;
  }
  float shift = *maximum;
  vf sums = 0;
  EACH(n, {
    vf e = exp_of(LOAD(x) - shift);
    sums += part ? first_lanes(e, part, 0.0f) : e;
  });
  *sum += sum_of(sums);
}

static float clamped_sum_kernel(size_t n, const float *x, float clamp) {
  vf sums = 0;
  EACH(n, {
    vf v = vmin(LOAD(x), (vf)clamp);
    sums += part ? first_lanes(v, part, 0.0f) : v;
  });
  return sum_of(sums);
}

// log(1 + u) for u in [0, 1], small results exact to the last bits: twice the artanh of u / (2 + u).
INLINE vf log1p_of_unit(vf u) {
  vf w = u / (u + 2.0f);
  vf z = w * w;
  vf p = (vf)(1.0f / 15);
  p = p * z + 1.0f / 13;
  p = p * z + 1.0f / 11;
  p = p * z + 1.0f / 9;
  p = p * z + 1.0f / 7;
  p = p * z + 1.0f / 5;
  p = p * z + 1.0f / 3;
  return 2.0f * w + 2.0f * w * z * p;
}

INLINE vf softplus_of(vf t) { return vmax(t, (vf)0.0f) + log1p_of_unit(exp_of(-vabs(t))); }
INLINE vf sigmoid_of(vf t) { return 1.0f / (1.0f + exp_of(-t)); }

static void attract_terms_kernel(size_t n, const float *x, float negatives, float clamp, float *value, float *slope) {
  vf values = 0, slopes = 0;
  EACH(n, {
    vf s = LOAD(x);
    vf t = negatives - s;
    vf v = softplus_of(t) + (s - vmin(s, (vf)clamp));
    vf d = sigmoid_of(t);
    values += part ? first_lanes(v, part, 0.0f) : v;
    slopes += part ? first_lanes(d, part, 0.0f) : d;
  });
  *value += sum_of(values);
  *slope += sum_of(slopes);
}

static void softmax_slope_kernel(size_t n, float *x, float logsum, float factor, float bias, float clamp) {
  EACH(n, {
    vf s = LOAD(x);
    STORE(x, factor * exp_of(s - logsum) + choose(s <= (vf)clamp, (vf)bias, (vf)0.0f));
  });
}

static void spread_slope_kernel(size_t n, float *x, float negatives, float attract, float positives, float repel,
                                float clamp) {
  EACH(n, {
    vf s = LOAD(x);
    vf pull = choose(s <= (vf)clamp, (vf)0.0f, (vf)1.0f) - sigmoid_of(negatives - s);
    STORE(x, attract * pull + repel * exp_of(s - positives));
  });
}
