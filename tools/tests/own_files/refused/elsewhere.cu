// Expect: the program cannot be linked: elsewhere(int) is called and nowhere defined. Name all files
int elsewhere(int);

int main() {
  return elsewhere(3);
}
