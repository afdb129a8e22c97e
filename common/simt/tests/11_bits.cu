// Rung 11: bits. Counting, finding, reversing, permuting; high halves of products; floats as integers.
#include "common/simt/tests/ladder.h"

namespace {

__global__ void count(int* out, unsigned x, unsigned long long y) {
  out[0] = __popc(x);
  out[1] = __popcll(y);
  out[2] = __clz(static_cast<int>(x));
  out[3] = __clzll(static_cast<long long>(y));
  out[4] = __ffs(static_cast<int>(x));
  out[5] = __ffsll(static_cast<long long>(y));
  out[6] = __clz(0);
  out[7] = __ffs(0);
}

TEST(Bits, CountAndFind) {
  EXPECT_EQ(results<int>(8, [](int* p) { count<<<1, 1>>>(p, 0x00f01100u, 0x0000000100000010ull); }),
            (std::vector{6, 2, 8, 31, 9, 5, 32, 0}));
}

__global__ void move(unsigned* out, unsigned x) {
  out[0] = __brev(x);
  out[1] = __byte_perm(0x33221100u, 0x77665544u, 0x7531u);
  out[2] = __byte_perm(0x80221100u, 0x77665544u, 0x000bu);  // three bits of a selector count: byte 3
  out[3] = __funnelshift_l(0x80000001u, 0x12345678u, 4);
  out[4] = __funnelshift_r(0x80000001u, 0x12345678u, 4);
  out[5] = static_cast<unsigned>(__brevll(1ull) >> 63);
}

TEST(Bits, MoveAround) {
  EXPECT_EQ(results<unsigned>(6, [](unsigned* p) { move<<<1, 1>>>(p, 0x00000013u); }),
            (std::vector<unsigned>{0xc8000000u, 0x77553311u, 0x00000080u, 0x23456788u, 0x88000000u, 1u}));
}

__global__ void multiply(long long* out) {
  out[0] = __mulhi(1 << 30, -12);
  out[1] = __umulhi(0xffffffffu, 0xffffffffu);
  out[2] = __mul64hi(1ll << 62, 12);
  out[3] = static_cast<long long>(__umul64hi(1ull << 63, 6));
  out[4] = __mul24(-3, 7);
  out[5] = __dp4a(0x01ff0203, 0x04050607, 100);  // 1*4 - 1*5 + 2*6 + 3*7
  out[6] = __sad(-5, 7, 1u);
}

TEST(Bits, Products) {
  EXPECT_EQ(results<long long>(7, [](auto* p) { multiply<<<1, 1>>>(p); }),
            (std::vector<long long>{-3, 0xfffffffell, 3, 3, -21, 132, 13}));
}

__global__ void reinterpret(unsigned long long* out, float x, double y) {
  out[0] = __float_as_uint(x);
  out[1] = static_cast<unsigned long long>(__float_as_int(-x)) & 0xffffffffull;
  out[2] = __int_as_float(__float_as_int(x)) == x;
  out[3] = __uint_as_float(0x7f800000u) > 3e38f;
  out[4] = static_cast<unsigned long long>(__double_as_longlong(y));
  out[5] = __longlong_as_double(__double_as_longlong(y)) == y;
  out[6] = __hiloint2double(__double2hiint(y), __double2loint(y)) == y;
}

TEST(Bits, FloatsAsIntegers) {
  EXPECT_EQ(results<unsigned long long>(7, [](auto* p) { reinterpret<<<1, 1>>>(p, 1.5f, -0.1); }),
            (std::vector<unsigned long long>{0x3fc00000u, 0xbfc00000u, 1, 1, 0xbfb999999999999aull, 1, 1}));
}

}  // namespace
