// Objects with virtual functions that a kernel makes with new, as ray tracers have them.
// Prints: areas 4 and 3
#include <cstdio>

class Shape {
 public:
  __device__ virtual ~Shape() {}
  __device__ virtual float area() const = 0;
};

class Square : public Shape {
 public:
  __device__ explicit Square(float side) : side_(side) {}
  __device__ float area() const override { return side_ * side_; }

 private:
  float side_;
};

class Hexagon : public Shape {
 public:
  __device__ explicit Hexagon(float side) : side_(side) {}
  __device__ float area() const override { return 3 * side_ * side_; }

 private:
  float side_;
};

__global__ void make(Shape** shapes) {
  shapes[0] = new Square(2);
  shapes[1] = new Hexagon(1);
}

__global__ void measure(Shape** shapes, float* areas) {
  areas[threadIdx.x] = shapes[threadIdx.x]->area();
}

__global__ void destroy(Shape** shapes) {
  delete shapes[threadIdx.x];
}

int main() {
  Shape** shapes;
  float* areas;
  cudaMalloc(&shapes, 2 * sizeof(Shape*));
  cudaMallocManaged(&areas, 2 * sizeof(float));
  make<<<1, 1>>>(shapes);
  measure<<<1, 2>>>(shapes, areas);
  destroy<<<1, 2>>>(shapes);
  cudaDeviceSynchronize();
  printf("areas %g and %g\n", areas[0], areas[1]);
  cudaFree(shapes);
  cudaFree(areas);
}
