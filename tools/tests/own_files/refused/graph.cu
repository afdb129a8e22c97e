// Expect: graph.cu:4: error: ‘cudaGraph_t’ was not declared in this scope
// Expect: The CPU device has no cudaGraph_t
int main() {
  cudaGraph_t graph;
  return 0;
}
