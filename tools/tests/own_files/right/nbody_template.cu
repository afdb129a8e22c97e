// A kernel template over a type, structures as elements, and a functor as argument.
// Prints: float: 101 49.5 13
// Prints: double: 101 49.5 13
#include <cstdio>
#include <vector>

template <typename T>
struct Body {
  T position[3];
  T velocity[3];
};

struct Gravity {
  float constant;
  __host__ __device__ float operator()(float height, float seconds) const {
    return height - constant * seconds;
  }
};

template <typename T, typename Force>
__global__ void step(Body<T>* bodies, int count, T seconds, Force force) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= count) return;
  Body<T>& body = bodies[i];
#pragma unroll
  for (int axis = 0; axis < 3; ++axis) body.position[axis] += seconds * body.velocity[axis];
  body.velocity[2] = force(body.velocity[2], seconds);
}

template <typename T>
void simulate(const char* name) {
  std::vector<Body<T>> bodies(100);
  for (int i = 0; i < 100; ++i) bodies[i] = Body<T>{{T(i), 0, 0}, {1, T(i) / 4, 8}};
  Body<T>* device;
  cudaMalloc(&device, bodies.size() * sizeof(Body<T>));
  cudaMemcpy(device, bodies.data(), bodies.size() * sizeof(Body<T>), cudaMemcpyHostToDevice);
  for (int round = 0; round < 4; ++round) step<T><<<4, 32>>>(device, 100, T(0.5), Gravity{2.0f});
  cudaMemcpy(bodies.data(), device, bodies.size() * sizeof(Body<T>), cudaMemcpyDeviceToHost);
  cudaFree(device);
  printf("%s: %g %g %g\n", name, double(bodies[99].position[0]), double(bodies[99].position[1]),
         double(bodies[99].position[2]));
}

int main() {
  simulate<float>("float");
  simulate<double>("double");
}
