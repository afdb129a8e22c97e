// The translator on the sources that are hard to read.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "translator/rewrite.h"

namespace {

using simt::translator::Error;
using simt::translator::rewrite;
using simt::translator::translate;

std::string launch(const std::string& kernel, const std::string& configuration,
                   const std::string& arguments) {
  return "::simt::launcher(SIMT_KERNEL(" + kernel + "), " + configuration + ")(" + arguments + ")";
}

void expect_unchanged(const std::string& source) {
  EXPECT_EQ(rewrite(source), source);
}

void expect_error(const std::string& source, int line, const std::string& part) {
  try {
    rewrite(source);
    FAIL() << "no error for: " << source;
  } catch (const Error& error) {
    EXPECT_EQ(error.line(), line) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(Translator, Launches) {
  EXPECT_EQ(rewrite("k<<<1, 2>>>(a, b);"), launch("k", "1, 2", "a, b") + ";");
  EXPECT_EQ(rewrite("f(); k <<< g, b, 0, s >>> ();"),
            "f(); ::simt::launcher(SIMT_KERNEL(k ),  g, b, 0, s ) ();");
  EXPECT_EQ(rewrite("k<float, 4><<<g, b>>>(a)"), launch("k<float, 4>", "g, b", "a"));
  EXPECT_EQ(rewrite("k<A<B<int>>, (x > 3)><<<g, b>>>(a)"), launch("k<A<B<int>>, (x > 3)>", "g, b", "a"));
  EXPECT_EQ(rewrite("return ::n::m::k<T><<<g, b>>>(a)"), "return " + launch("::n::m::k<T>", "g, b", "a"));
  EXPECT_EQ(rewrite("return (k)<<<g, b>>>(a)"), "return " + launch("(k)", "g, b", "a"));
  EXPECT_EQ(rewrite("if (x) k<<<g, b>>>(a); else k<<<b, g>>>(a);"),
            "if (x) " + launch("k", "g, b", "a") + "; else " + launch("k", "b, g", "a") + ";");
  EXPECT_EQ(rewrite("S<T>::k<<<g, b>>>(a)"), launch("S<T>::k", "g, b", "a"));
  EXPECT_EQ(rewrite("x = y; this->table[i + 1]<<<g, b>>>(a)"),
            "x = y; " + launch("this->table[i + 1]", "g, b", "a"));
  EXPECT_EQ(rewrite("o.template k<3><<<g, b>>>(a)"), launch("o.template k<3>", "g, b", "a"));
  EXPECT_EQ(rewrite("pick(n)<<<g, b>>>(a)"), launch("pick(n)", "g, b", "a"));
  EXPECT_EQ(rewrite("c ? k<<<1, 1>>>(a) : j<<<1, 1>>>(b)"),
            "c ? " + launch("k", "1, 1", "a") + " : " + launch("j", "1, 1", "b"));
  EXPECT_EQ(rewrite("[&] { k<<<g, b>>>(a); }()"), "[&] { " + launch("k", "g, b", "a") + "; }()");
}

TEST(Translator, ConfigurationsWithShiftsAndTemplates) {
  EXPECT_EQ(rewrite("k<<<n >> 5, 1 << 8>>>(a)"), launch("k", "n >> 5, 1 << 8", "a"));
  EXPECT_EQ(rewrite("k<<<(n>>5), cdiv<int, 4>(n)>>>(a)"), launch("k", "(n>>5), cdiv<int, 4>(n)", "a"));
  EXPECT_EQ(rewrite("k<<<g, b, sizeof(A<B<C<int>>>)>>>(a)"), launch("k", "g, b, sizeof(A<B<C<int>>>)", "a"));
  EXPECT_EQ(rewrite("k<<<dim3{1, 2}, {3, 4}>>>(a)"), launch("k", "dim3{1, 2}, {3, 4}", "a"));
  EXPECT_EQ(rewrite("k<<<g, V<W<int>>>>>(a)"), launch("k", "g, V<W<int>>", "a"));
}

TEST(Translator, LinesKeepTheirNumbers) {
  const std::string source = "a\nk<  // kernel\n  T>\n<<<g,  // >>>(\n b\n>>>(x,\n y);\nlast\n";
  const std::string result = rewrite(source);
  EXPECT_EQ(std::count(source.begin(), source.end(), '\n'), std::count(result.begin(), result.end(), '\n'));
  EXPECT_EQ(result.substr(result.rfind("last")), "last\n");
  EXPECT_EQ(translate("int x;\n", "/a/\"b\".cu"),
            "#include \"simt/prelude.h\"\n#line 1 \"/a/\\\"b\\\".cu\"\nint x;\n");
}

TEST(Translator, WhatOnlyLooksLikeALaunch) {
  expect_unchanged("// k<<<1, 2>>>(a)\n/* k<<<1,\n2>>>(a) */");
  expect_unchanged("const char* s = \"k<<<1, 2>>>(a) \\\" k<<<1, 2>>>(a)\";");
  expect_unchanged(
      "auto s = R\"x(k<<<1, 2>>>(a) \" )\" k<<<1, 2>>>(a))x\"; auto t = u8R\"(k<<<1, 2>>>(a))\";");
  expect_unchanged("char c = '\"'; char d = '\\''; // k<<<1, 2>>>(a)");
  expect_unchanged("int million = 1'000'000; double d = 0x1.8p-3 + 1e+5; // k<<<1, 2>>>(a)");
  expect_unchanged("std::ostream& operator<<<int>(std::ostream&, T<int>);");
  expect_unchanged("a <<= 2; b = c << d << e; f = g >>h; x >>= 3; if (a < b) return c > d;");
  expect_unchanged("std::vector<std::vector<std::vector<int>>> v;");
  expect_unchanged("#include <a<<<b>\n#error don't k<<<1, 2>>>(a)\n#pragma k<<<\n");
  expect_unchanged("#if 0\ncan't \"stop\n#endif\nint x;");
  expect_unchanged("// a comment that goes on \\\nk<<<1, 2>>>(a)\nint x;");
}

TEST(Translator, MacroBodies) {
  EXPECT_EQ(rewrite("#define LAUNCH(k, ...) \\\n  k<<<1, 2>>>(__VA_ARGS__)\n"),
            "#define LAUNCH(k, ...) \\\n  " + launch("k", "1, 2", "__VA_ARGS__") + "\n");
  EXPECT_EQ(rewrite("CHECK(k<<<1, 2>>>(a));"), "CHECK(" + launch("k", "1, 2", "a") + ");");
}

TEST(Translator, WindowsLineEnds) {
  EXPECT_EQ(rewrite("#define A \\\r\n 1\r\nk<<<1, 2>>>(a);\r\n"),
            "#define A \\\r\n 1\r\n" + launch("k", "1, 2", "a") + ";\r\n");
}

TEST(Translator, ByteOrderMarkIsDropped) {
  EXPECT_EQ(translate("\xef\xbb\xbfint x;", "f.cu"), translate("int x;", "f.cu"));
}

TEST(Translator, DynamicSharedMemory) {
  EXPECT_EQ(rewrite("void k() { extern __shared__ float s[]; }"),
            "void k() {   float (&s)[] = ::simt::dynamic_shared<float>(); }");
  EXPECT_EQ(rewrite("void k() { extern __shared__ __align__(16) unsigned char raw[]; }"),
            "void k() {    unsigned char (&raw)[] = ::simt::dynamic_shared<unsigned char>(); }");
  EXPECT_EQ(rewrite("namespace { extern \"C\" { template <class T> void k() { __shared__ extern alignas(8) "
                    "A<T, 2> s[]; } } }"),
            "namespace { extern \"C\" { template <class T> void k() {    A<T, 2> (&s)[] = "
            "::simt::dynamic_shared<A < T , 2 >>(); } } }");
}

TEST(Translator, LinesOfATokenThatGoesStay) {
  EXPECT_EQ(rewrite("void k() { extern __shared__ alignas(sizeof(\"a\\\nb\")) int s[];\n}"),
            "void k() {   \n int (&s)[] = ::simt::dynamic_shared<int>();\n}");
}

TEST(Translator, StaticSharedMemory) {
  EXPECT_EQ(rewrite("void k() { __shared__ float a[4], b; }"),
            "void k() { __shared__ float a[4], b; SIMT_STATIC_SHARED(sizeof(a) + sizeof(b)); }");
  EXPECT_EQ(
      rewrite("void k() { static __shared__ alignas(16) A<int, 3> t[N < 4 ? 1 : 2][8]; }"),
      "void k() {  __shared__ __align__(16) A<int, 3> t[N < 4 ? 1 : 2][8]; SIMT_STATIC_SHARED(sizeof(t)); }");
  // What a conditional may hide is not counted beyond it.
  EXPECT_EQ(rewrite("void k() {\n#if A\n__shared__ int a;\n#endif\n__shared__ int b;\n}"),
            "void k() {\n#if A\n__shared__ int a; SIMT_STATIC_SHARED(sizeof(a));\n#endif\n"
            "__shared__ int b; SIMT_STATIC_SHARED(sizeof(b));\n}");
  EXPECT_EQ(rewrite("void f() { __shared__ int a; } void g() { __shared__ int b; }"),
            "void f() { __shared__ int a; SIMT_STATIC_SHARED(sizeof(a)); } "
            "void g() { __shared__ int b; SIMT_STATIC_SHARED(sizeof(b)); }");
}

TEST(Translator, NoInline) {
  EXPECT_EQ(rewrite("__device__ __noinline__ int f();"), "__device__ __attribute__((noinline)) int f();");
  expect_unchanged("__attribute__((__noinline__)) int f();");
}

TEST(Translator, ErrorsNameTheLine) {
  expect_error("\n\nk<<<1, 2>>>;", 3, "arguments in parentheses");
  expect_error("\nk<<<1, 2;", 2, "<<< without >>>");
  expect_error("= <<<1, 2>>>(a)", 1, "kernel before <<<");
  expect_error("> <<<1, 2>>>(a)", 1, "template arguments");
  expect_error("extern __shared__ float s[];", 1, "inside the kernel");
  expect_error("void k() {\n extern __shared__ float s[4]; }", 2, "TYPE name[];");
  expect_error("void k() {\n __shared__ int sum = 0; }", 2, "cannot have an initial value");
  expect_error("void k() {\n __shared__ int a[4] =\n {5, 6, 7, 8}; }", 2, "cannot have an initial value");
  expect_error("void k() { __shared__ int a[2]{5, 6}; }", 1, "cannot have an initial value");
  expect_error("void k() { __shared__ int a, b = 1; }", 1, "cannot have an initial value");
  expect_error("void k() { __shared__ struct { int a[2]; } s = {{1, 2}}; }", 1,
               "cannot have an initial value");
  expect_error("__shared__ int a[2] = {1, 2};", 1, "cannot have an initial value");
  expect_error("void k() { extern __shared__ float s[], t[]; }", 1, "one name at a time");
  // Found by translator_fuzz: a parenthesis without an end took the lines below with it.
  expect_error("void k() { extern __shared__ __align__(16 float s[]; }\nvoid f();\n", 1, "TYPE name[];");
  expect_error("void k() { extern __shared__ __align__(16] float s[]; }", 1, "TYPE name[];");
  expect_error("void k() {\n extern __shared__ alignas(k<<<1, 1>>>(n)) int s[]; }", 2, "cannot tell apart");
  expect_error("void k() { extern __shared__ alignas s[]; }", 1, "TYPE name[];");
  // Found by translator_fuzz: the type is said twice, and with it the lines of a raw string.
  expect_error("void k() {\n extern R\"(\n)\" __shared__ float s[]; }", 2, "TYPE name[];");
}

TEST(Translator, RefusesByName) {
  expect_error("void k() {\n  asm volatile(\"cp.async.wait_all;\");\n}", 2, "inline PTX");
  expect_unchanged("using namespace nvcuda;");
  expect_error("cudaLaunchCooperativeKernel(k, 1, 1, args);", 1, "grid-wide synchronization");
  expect_error("cudaTextureObject_t t;", 1, "textures");
  expect_error("__cluster_dims__(2) void k();", 1, "clusters");
  expect_unchanged("settings.asm = 3;");
}

}  // namespace
