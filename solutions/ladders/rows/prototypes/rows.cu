// Checks and times every variant. rows [SECONDS per problem] [word that a problem's name contains]
#include "rows_list.cuh"
#include <chrono>

__device__ unsigned hashed(unsigned long long i) { i ^= i >> 33; i *= 0xff51afd7ed558ccdull; i ^= i >> 33; i *= 0xc4ceb9fe1a85ec53ull; i ^= i >> 33; return (unsigned)i; }
template <class T> __global__ void fill(T* p, long n, float scale, float offset, unsigned seed) {
  for (long i = blockIdx.x * (long)blockDim.x + threadIdx.x; i < n; i += (long)gridDim.x * blockDim.x) {
    const unsigned a = hashed(i * 2 + seed * 0x9e3779b97f4a7c15ull), b = hashed(i * 2 + 1 + seed * 0x9e3779b97f4a7c15ull);
    const float u = (a >> 8) * (1.f / 16777216) + (b >> 8) * (1.f / 16777216) - 1.f;
    p[i] = (T)(u * scale + offset);
  }
}
__global__ void fill_targets(int* p, int n, int v) { for (int i = threadIdx.x; i < n; i += blockDim.x) p[i] = hashed(i + 77) % v; }
__device__ double all_of(double v, bool largest = false) {
  __shared__ double s[256];
  s[threadIdx.x] = v; __syncthreads();
  for (int d = 128; d; d /= 2) { if (threadIdx.x < d) s[threadIdx.x] = largest ? fmax(s[threadIdx.x], s[threadIdx.x + d]) : s[threadIdx.x] + s[threadIdx.x + d]; __syncthreads(); }
  v = s[0]; __syncthreads(); return v;
}
// The plain kernels: in double, one block of 256 threads per row. *worst: the largest error as a multiple of
// what is allowed; NaN counts as infinite.
__device__ void judge(float* worst, double got, double want, double allowed) {
  const double e = fabs(got - want) / allowed;
  const float f = e <= 1e30 ? (float)e : INFINITY;
  if (f > 1e-3f) atomicMax((int*)worst, __float_as_int(f));
}
template <class T> __global__ void check_norm(const T* x, const T* g, const T* b, const T* y, const float* mean, const float* rstd, int c, bool ln, float eps, float* worst) {
  const long row = blockIdx.x; x += row * c; y += row * c;
  double sum = 0, sq = 0;
  for (int i = threadIdx.x; i < c; i += 256) sum += (double)(float)x[i];
  const double m = ln ? all_of(sum) / c : 0;
  for (int i = threadIdx.x; i < c; i += 256) { const double d = (double)(float)x[i] - m; sq += d * d; }
  const double r = 1 / sqrt(all_of(sq) / c + eps);
  if (threadIdx.x == 0) { if (ln) judge(worst, mean[row], m, 1e-5); judge(worst, rstd[row], r, 1e-5 * r); }
  for (int i = threadIdx.x; i < c; i += 256) {
    const double want = ((double)(float)x[i] - m) * r * (double)(float)g[i] + (ln ? (double)(float)b[i] : 0.0);
    judge(worst, (float)y[i], want, sizeof(T) == 4 ? 1e-5 + 1e-5 * fabs(want) : 1e-5 + fabs(want) / 250);
  }
}
__global__ void check_loss(const b16* x, const b16* d, const int* target, const float* loss, int v, float dloss, float* worst) {
  const long row = blockIdx.x; x += row * v; d += row * v;
  double m = -1e300, s = 0;
  for (int i = threadIdx.x; i < v; i += 256) m = fmax(m, (double)(float)x[i]);
  m = all_of(m, true);
  for (int i = threadIdx.x; i < v; i += 256) s += exp((double)(float)x[i] - m);
  const double lse = m + log(all_of(s));
  if (threadIdx.x == 0) judge(worst, loss[row], lse - (double)(float)x[target[row]], 2e-5);
  for (int i = threadIdx.x; i < v; i += 256) {
    const double want = dloss * (exp((double)(float)x[i] - lse) - (i == target[row] ? 1 : 0));
    judge(worst, (float)d[i], want, fabs(want) / 250 + 1e-12);
  }
}

static double median(std::vector<double> v) { std::sort(v.begin(), v.end()); return v[v.size() / 2]; }
static cudaEvent_t e0, e1;
static double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Entry { std::string name; float worst; std::vector<double> us; };
static void table(const std::string& title, double bytes, std::vector<Entry>& all, int rounds) {
  const double copy = median(all[0].us);
  std::printf("\n## %s: %.1f MB moved, %d rounds, copy of the same size %.1f us = %.0f GB/s\n", title.c_str(), bytes / 1e6, rounds, copy, bytes / copy / 1e3);
  std::stable_sort(all.begin() + 1, all.end(), [](auto& a, auto& b) { return median(a.us) < median(b.us); });
  for (auto& e : all) {
    const double us = median(e.us);
    std::sort(e.us.begin(), e.us.end());
    std::printf("%9.2f us %6.0f GB/s %5.1f%%  (%.2f to %.2f)  err %.3f%s  %s\n", us, bytes / us / 1e3, 100 * copy / us, e.us.front(), e.us.back(), e.worst, e.worst <= 1 ? "" : " WRONG", e.name.c_str());
  }
  std::fflush(stdout);
}
// launch(buffer) for each entry by turns, `each` launches in a sample.
template <class Launch, class Before> int measure(std::vector<Entry>& all, Launch launch, Before before, double limit, int buffers, int each, int most) {
  const double begin = seconds();
  int round = 0, next = 0;
  for (; round < most && (round < 5 || seconds() - begin < limit); ++round)
    for (size_t k = 0; k < all.size(); ++k) {
      before();
      launch(k, next++ % buffers);
      CK(cudaEventRecord(e0));
      for (int i = 0; i < each; ++i) launch(k, next++ % buffers);
      CK(cudaEventRecord(e1));
      CK(cudaEventSynchronize(e1));
      float ms; CK(cudaEventElapsedTime(&ms, e0, e1));
      all[k].us.push_back(ms * 1e3 / each);
    }
  return round;
}
template <class T> void norm(const char* title, bool ln, int n, int c, const Norms& list, double limit) {
  const long size = (long)n * c;
  const int buffers = std::max(2, (int)(200e6 / (size * sizeof(T) * 2)) + 1);
  std::vector<Args> args;
  T *g, *b; float *stats, *worst;
  CK(cudaMalloc(&g, c * sizeof(T))); CK(cudaMalloc(&b, c * sizeof(T))); CK(cudaMalloc(&stats, n * 8)); CK(cudaMalloc(&worst, 4));
  fill<<<64, 256>>>(g, c, .5f, 1.f, 901); fill<<<64, 256>>>(b, c, .5f, .1f, 902);
  for (int i = 0; i < buffers; ++i) {
    T *x, *y; CK(cudaMalloc(&x, size * sizeof(T))); CK(cudaMalloc(&y, size * sizeof(T)));
    fill<<<1024, 256>>>(x, size, 2.f, .3f, i);
    args.push_back({(uint4*)x, (uint4*)g, (uint4*)b, (uint4*)y, stats, stats + n, n, 1e-5f});
  }
  std::vector<Entry> all(1 + list.size());
  all[0] = {"cudaMemcpyAsync, device to device", 0, {}};
  for (size_t k = 0; k < list.size(); ++k) {
    const Args& a = args[k % buffers];
    CK(cudaMemset(a.y, 0xff, size * sizeof(T))); CK(cudaMemset(stats, 0xff, n * 8)); CK(cudaMemset(worst, 0, 4));
    list[k].run(a);
    cudaError_t r = cudaDeviceSynchronize();
    if (r != cudaSuccess) { std::printf("FAILED %s %s: %s\n", title, list[k].name.c_str(), cudaGetErrorString(r)); std::fflush(stdout); std::exit(1); }
    check_norm<<<n, 256>>>((const T*)a.x, g, b, (const T*)a.y, a.mean, a.rstd, c, ln, a.eps, worst);
    float w; CK(cudaMemcpy(&w, worst, 4, cudaMemcpyDeviceToHost));
    all[k + 1] = {list[k].name, w, {}};
  }
  const double bytes = 2.0 * size * sizeof(T);
  const int each = std::max(3, (int)(1200 / (bytes / 4.2e6)));
  const int rounds = measure(all, [&](size_t k, int i) {
    if (k == 0) CK(cudaMemcpyAsync(args[i].y, args[i].x, size * sizeof(T), cudaMemcpyDeviceToDevice, 0)); else list[k - 1].run(args[i]); }, [] {}, limit, buffers, each, 21);
  table(title, bytes, all, rounds);
  for (auto& a : args) { cudaFree((void*)a.x); cudaFree(a.y); }
  cudaFree(g); cudaFree(b); cudaFree(stats); cudaFree(worst);
}
static void loss(const char* title, int n, int v, const Losses& list, double limit) {
  const long size = (long)n * v;
  constexpr int kBuffers = 4;
  b16 *pristine, *x[kBuffers]; int* targets; float *losses_, *worst;
  CK(cudaMalloc(&pristine, size * 2)); CK(cudaMalloc(&targets, n * 4)); CK(cudaMalloc(&losses_, n * 4)); CK(cudaMalloc(&worst, 4));
  fill<<<1024, 256>>>(pristine, size, 4.f, .3f, 5); fill_targets<<<1, 256>>>(targets, n, v);
  for (auto& p : x) CK(cudaMalloc(&p, size * 2));
  const auto args = [&](int i) { return LossArgs{(uint4*)x[i], targets, losses_, 1.0f / n, n, v / 8}; };
  std::vector<Entry> all(1 + list.size());
  all[0] = {"cudaMemcpyAsync, device to device", 0, {}};
  for (size_t k = 0; k < list.size(); ++k) {
    CK(cudaMemcpy(x[0], pristine, size * 2, cudaMemcpyDeviceToDevice)); CK(cudaMemset(losses_, 0xff, n * 4)); CK(cudaMemset(worst, 0, 4));
    list[k].run(args(0));
    cudaError_t r = cudaDeviceSynchronize();
    if (r != cudaSuccess) { std::printf("FAILED %s %s: %s\n", title, list[k].name.c_str(), cudaGetErrorString(r)); std::fflush(stdout); std::exit(1); }
    check_loss<<<n, 256>>>(pristine, x[0], targets, losses_, v, 1.0f / n, worst);
    float w; CK(cudaMemcpy(&w, worst, 4, cudaMemcpyDeviceToHost));
    all[k + 1] = {list[k].name, w, {}};
  }
  // Each launch works on logits, not on gradients of the launch before: all buffers are filled again before a sample.
  const int rounds = measure(all, [&](size_t k, int i) {
    if (k == 0) CK(cudaMemcpyAsync(x[i], pristine, size * 2, cudaMemcpyDeviceToDevice, 0)); else list[k - 1].run(args(i)); },
    [&] { for (auto& p : x) CK(cudaMemcpyAsync(p, pristine, size * 2, cudaMemcpyDeviceToDevice, 0)); }, limit, kBuffers, kBuffers - 1, 21);
  table(title, 4.0 * size, all, rounds);
  for (auto& p : x) cudaFree(p);
  cudaFree(pristine); cudaFree(targets); cudaFree(losses_); cudaFree(worst);
}
int main(int argc, char** argv) {
  const double limit = argc > 1 ? std::atof(argv[1]) : 12;
  const char* word = argc > 2 ? argv[2] : "";
  cudaDeviceProp p; CK(cudaGetDeviceProperties(&p, 0));
  std::printf("%s, %d multiprocessors, L2 %d MiB\n", p.name, p.multiProcessorCount, p.l2CacheSize >> 20);
  CK(cudaEventCreate(&e0)); CK(cudaEventCreate(&e1));
  const auto wanted = [&](const char* t) { return std::strstr(t, word) != nullptr; };
  const char* t;
  if (wanted(t = "layernorm fp32 8192x32768")) norm<float>(t, true, 8192, 32768, ln_long(), limit);
  if (wanted(t = "token_loss bf16 8192x32000")) loss(t, 8192, 32000, losses(), limit);
  if (wanted(t = "rmsnorm fp32 8192x32768")) norm<float>(t, false, 8192, 32768, rms_long(), limit);
  if (wanted(t = "rmsnorm fp32 16384x8192")) norm<float>(t, false, 16384, 8192, rms_middle(), limit);
  if (wanted(t = "rmsnorm bf16 8192x1024")) norm<b16>(t, false, 8192, 1024, rms16_short(), limit);
  if (wanted(t = "rmsnorm bf16 16384x8192")) norm<b16>(t, false, 16384, 8192, rms16_middle(), limit);
  if (wanted(t = "rmsnorm bf16 8192x32768")) norm<b16>(t, false, 8192, 32768, rms16_long(), limit);
  std::printf("done\n");
}
