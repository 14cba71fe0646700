// Colours of images with values in [0, 1], one plane a channel.

INLINE vf floor_of(vf x) { return __builtin_elementwise_floor(x); }
INLINE vf cut_to_unit(vf x) { return vmin(vmax(x, (vf)0.0f), (vf)1.0f); }

// `high - chroma * clamp(min(k, 4 - k), 0, 1)` with `k = (offset + hue) mod 6`: a channel of a colour by its hue, in sixths of the circle.
INLINE vf channel_of(vf hue, float offset, vf high, vf chroma) {
  vf k = hue + offset;
  k -= 6.0f * floor_of(k * (1.0f / 6.0f));
  return high - chroma * cut_to_unit(vmin(k, 4.0f - k));
}

// Turns the hue of each pixel by `shift` sixths of the circle, keeping HSV's value and chroma; greys stay as they are.
static void turn_hue_kernel(size_t n, float shift, float *red, float *green, float *blue) {
  EACH(n, {
    vf r = LOAD(red), g = LOAD(green), b = LOAD(blue);
    vf high = vmax(r, vmax(g, b));
    vf chroma = high - vmin(r, vmin(g, b));
    vi has_hue = chroma > (vf)0.0f;
    vf inverse = 1.0f / choose(has_hue, chroma, (vf)1.0f);
    vf hue = choose(high == g, (b - r) * inverse + 2.0f, (r - g) * inverse + 4.0f);
    hue = choose(high == r, (g - b) * inverse, hue) + shift;
    STORE(red, choose(has_hue, channel_of(hue, 5.0f, high, chroma), r));
    STORE(green, choose(has_hue, channel_of(hue, 3.0f, high, chroma), g));
    STORE(blue, choose(has_hue, channel_of(hue, 1.0f, high, chroma), b));
  });
}
