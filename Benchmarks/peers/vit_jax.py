"""The paper's vision transformer in JAX: forward of two views, L_spread, gradient and AdamW under one jit.

    python3 vit_jax.py [--images 128] [--runs 5]

JAX takes the cores that the process may use (`taskset` narrows them). Prints one JSON object with `median_seconds`.
"""
import argparse, os
import jax
import jax.numpy as jnp
from rival import measure

SIZE, CHANNELS, PATCH, WIDTH, DEPTH, HEADS, HIDDEN = 32, 3, 4, 256, 7, 8, 512
TOKENS = (SIZE // PATCH) ** 2 + 1


def parameters(key):
    def dense(key, inputs, outputs):
        return 0.02 * jax.random.truncated_normal(key, -2, 2, (inputs, outputs))

    def norm():
        return dict(scale=jnp.ones(WIDTH), shift=jnp.zeros(WIDTH))

    keys = iter(jax.random.split(key, 4 * DEPTH + 4))
    blocks = [dict(norm1=norm(), qkv=dense(next(keys), WIDTH, 3 * WIDTH), norm2=norm(), fc1=dense(next(keys), WIDTH, HIDDEN),
                   b1=jnp.zeros(HIDDEN), fc2=dense(next(keys), HIDDEN, WIDTH), b2=jnp.zeros(WIDTH)) for _ in range(DEPTH)]
    return dict(proj=dense(next(keys), PATCH * PATCH * CHANNELS, WIDTH), bias=jnp.zeros(WIDTH), embed=norm(),
                cls=0.1 * jax.random.normal(next(keys), (WIDTH,)), pos=0.1 * jax.random.normal(next(keys), (TOKENS, WIDTH)),
                blocks=blocks, norm=norm())


def layer_norm(x, p):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5) * p["scale"] + p["shift"]


def dropout(key, x, rate, shape=None):
    return x * jax.random.bernoulli(key, 1 - rate, shape or x.shape) / (1 - rate)


def encode(p, x, key):
    b, g = x.shape[0], SIZE // PATCH
    keys = iter(jax.random.split(key, 7 * DEPTH + 1))
    x = x.reshape(b, CHANNELS, g, PATCH, g, PATCH).transpose(0, 2, 4, 3, 5, 1).reshape(b, g * g, -1)
    x = dropout(next(keys), layer_norm(x @ p["proj"] + p["bias"], p["embed"]), 0.1)
    x = jnp.concatenate([jnp.broadcast_to(p["cls"], (b, 1, WIDTH)), x], 1) + p["pos"]
    for i, block in enumerate(p["blocks"]):
        path = 0.05 * i / (DEPTH - 1)
        qkv = (layer_norm(x, block["norm1"]) @ block["qkv"]).reshape(b, TOKENS, 3, HEADS, WIDTH // HEADS)
        q, k, v = qkv.transpose(2, 0, 3, 1, 4)
        s = q @ k.swapaxes(-1, -2) * (WIDTH // HEADS) ** -0.5
        s = dropout(next(keys), s, 0.1, (b, 1, TOKENS, 1))
        o = dropout(next(keys), jax.nn.softmax(s), 0.05) @ v
        o = dropout(next(keys), o.transpose(0, 2, 1, 3).reshape(b, TOKENS, WIDTH), 0.05)
        x = x + dropout(next(keys), o, path, (b, 1, 1))
        h = dropout(next(keys), jax.nn.gelu(layer_norm(x, block["norm2"]) @ block["fc1"] + block["b1"], approximate=False), 0.05)
        x = x + dropout(next(keys), dropout(next(keys), h @ block["fc2"] + block["b2"], 0.05), path, (b, 1, 1))
    return layer_norm(x, p["norm"])[:, 0]


def spread(z, y, tau=0.5, alpha=0.5):
    z = z / jnp.linalg.norm(z, axis=1, keepdims=True)
    z1, z2 = jnp.split(z, 2)
    s = z1 @ z2.T / tau
    same = y[:, None] == y[None, :]
    n = jax.nn.logsumexp(jnp.where(same, -jnp.inf, s), 1, keepdims=True)
    attract = (jnp.where(same, jnp.logaddexp(s, n) - s, 0).sum(1) / same.sum(1)).mean()
    repel = (jax.nn.logsumexp(jnp.where(same, s, -jnp.inf), 1) - jnp.diagonal(s)).mean()
    return alpha * attract + (1 - alpha) * repel


@jax.jit
def step(p, m, v, t, x, y, key):
    loss, g = jax.value_and_grad(lambda p: spread(encode(p, x, key), y))(p)
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
    a, b = 1 - 0.9 ** t, 1 - 0.999 ** t
    p = jax.tree.map(lambda p, m, v: p * (1 - 3e-4 * 0.01) - 3e-4 * (m / a) / (jnp.sqrt(v / b) + 1e-8), p, m, v)
    return p, m, v, loss


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--images", type=int, default=128)
    a.add_argument("--runs", type=int, default=5)
    a = a.parse_args()
    key = jax.random.key(0)
    p = parameters(key)
    m = jax.tree.map(jnp.zeros_like, p)
    x = jax.random.normal(key, (2 * a.images, CHANNELS, SIZE, SIZE))
    y = jnp.arange(a.images) % 2
    state = [p, m, m, 0]

    def advance():
        *state[:3], loss = step(*state[:3], state[3] + 1.0, x, y, jax.random.fold_in(key, state[3]))
        state[3] += 1
        jax.block_until_ready(state[0])
        assert bool(jnp.isfinite(loss))

    measure(advance, a.runs, benchmark="vit step", peer=f"JAX {jax.__version__}", images=a.images,
            threads=len(os.sched_getaffinity(0)))


if __name__ == "__main__":
    main()
