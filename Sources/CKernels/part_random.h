// Random numbers from a counter and a 64-bit key, without state. The high half of the counter goes into the key, so a stream is 2^64 long.

typedef struct {
  uint32_t first, second;
} stream_key;

INLINE stream_key key_of(uint64_t key, uint64_t block) {
  uint64_t z = key + (block + 1) * 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  z ^= z >> 31;
  return (stream_key){(uint32_t)z, (uint32_t)(z >> 32)};
}

// The mixing function is Wellons's triple32, with the key's halves entered before its first and second multiplication.
INLINE vu random_bits(vu counter, stream_key key) {
  vu h = counter + key.first;
  h ^= h >> 17;
  h *= 0xED5AD4BBu;
  h ^= h >> 11;
  h += key.second;
  h *= 0xAC4C1B51u;
  h ^= h >> 15;
  h *= 0x31848BABu;
  h ^= h >> 14;
  return h;
}

// Calls BODY over pieces that do not cross a multiple of 2^32: `start` is the piece's first element, `length` its size, and
// `counter` its low 32 bits.
#define PIECES(n, offset, ...)                                                                                         \
  for (size_t start = 0, length; start < (n); start += length) {                                                       \
    uint64_t position = (offset) + start;                                                                              \
    uint64_t room = 0x100000000ull - (position & 0xffffffffull);                                                       \
    length = (n) - start < room ? (n) - start : (size_t)room;                                                          \
    stream_key k = key_of(key, position >> 32);                                                                        \
    uint32_t low = (uint32_t)position;                                                                                 \
    __VA_ARGS__                                                                                                        \
  }

INLINE vu counters(uint32_t low, size_t i) { return (vu)lane_numbers() + (low + (uint32_t)i); }

static void dropout_kernel(size_t n, uint64_t key, uint64_t offset, uint32_t threshold, float scale, const float *px,
                           float *py) {
  PIECES(n, offset, {
    const float *x = px + start;
    float *y = py + start;
    EACH(length, {
      vi keep = random_bits(counters(low, i), k) >= (vu)threshold;
      STORE(y, choose(keep, LOAD(x) * scale, (vf)0.0f));
    });
  })
}

static void dropout_add_kernel(size_t n, uint64_t key, uint64_t offset, uint32_t threshold, float scale, const float *px,
                               const float *pr, float *py) {
  PIECES(n, offset, {
    const float *x = px + start;
    const float *r = pr + start;
    float *y = py + start;
    EACH(length, {
      vi keep = random_bits(counters(low, i), k) >= (vu)threshold;
      STORE(y, LOAD(r) + choose(keep, LOAD(x) * scale, (vf)0.0f));
    });
  })
}
#undef PIECES
