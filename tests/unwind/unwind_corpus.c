/* What a compiler makes of ordinary code: recursion, large and dynamic frames, tail calls, calls through pointers. */
typedef unsigned long long u64;
typedef u64 (*unary)(u64);

__asm__(".globl __chkstk\n__chkstk:\n ret\n");
int _fltused;
static volatile u64 sink;

#define NOINLINE __attribute__((noinline))

NOINLINE u64 leaf(u64 x) { return x * 3 + 1; }
NOINLINE u64 twice(unary f, u64 x) { return f(f(x)); }
NOINLINE u64 tail(u64 x) { sink = x; return leaf(x + 1); }

NOINLINE u64 fibonacci(u64 n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

NOINLINE u64 many(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 g) {
    u64 x = leaf(a), y = leaf(b), z = leaf(c), w = leaf(d), v = leaf(e), u = leaf(f), t = leaf(g);
    sink = x;
    return x + y * 2 + z * 3 + w * 4 + v * 5 + u * 6 + t * 7 + leaf(x ^ y ^ z ^ w ^ v ^ u ^ t);
}

NOINLINE u64 large(u64 n) {
    volatile u64 table[0x400];
    for (int i = 0; i < 4; i++) table[i * 0x100] = leaf(n + i);
    return table[0] + table[0x300] + tail(n);
}

NOINLINE u64 dynamic(u64 n) {
    volatile u64 *block = __builtin_alloca(n * 16);
    for (u64 i = 0; i < n; i++) block[i] = leaf(i);
    return n > 3 ? dynamic(n - 2) + block[n - 1] : block[0];
}

NOINLINE double floats(double a, double b, u64 n) {
    double c = a * b, d = a - b, e = a / (b + 1);
    for (u64 i = 0; i < n; i++) { c += (double)leaf(i); d *= c; e -= d; sink = (u64)e; }
    return c + d + e;
}

NOINLINE u64 choose(u64 n) {
    switch (n & 7) {
        case 0: return leaf(n);
        case 1: return twice(leaf, n) + 1;
        case 2: return many(n, n, n, n, n, n, n);
        case 3: return fibonacci(4);
        case 4: return large(n);
        case 5: return dynamic(n);
        case 6: return tail(n);
        default: return (u64)floats(1.5, 2.5, 2);
    }
}

int start(void) {
    u64 sum = 0;
    for (u64 i = 0; i < 8; i++) sum += choose(i);
    sink = sum + twice(tail, 5) + dynamic(6);
    return 0;
}
