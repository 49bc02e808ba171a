// In a file of its own: where the compiler sees both sides it takes `free` in `delete` for a mistake.
#include "sluice/mask/allocation_count.hpp"

#include <openssl/crypto.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<long> count{0};

void* counted(std::size_t size) {
  ++count;
  return std::malloc(size == 0 ? 1 : size);
}

void* openssl_allocate(std::size_t size, const char*, int) { return size == 0 ? nullptr : counted(size); }
void* openssl_grow(void* old, std::size_t size, const char*, int) {
  ++count;
  return std::realloc(old, size);
}
void openssl_free(void* memory, const char*, int) { std::free(memory); }

const bool openssl_counts = CRYPTO_set_mem_functions(openssl_allocate, openssl_grow, openssl_free) == 1;

}  // namespace

void* operator new(std::size_t size) {
  void* memory = counted(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace sluice::mask {

long allocations() { return count; }
bool openssl_allocations_count() { return openssl_counts; }

}  // namespace sluice::mask
