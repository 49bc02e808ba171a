#include "sluice/mask/secret.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace sluice::mask {

Result<SecretBytes> SecretBytes::make(std::size_t size) {
  void* page = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return fail(Fault::failed, std::string("no memory for keys: ") + std::strerror(errno));
  SecretBytes made(static_cast<std::uint8_t*>(page), size);
  if (mlock(page, size) != 0) {
    return fail(Fault::denied, std::string("cannot lock the memory that keys stand in: ") + std::strerror(errno),
                "allow a few locked pages (ulimit -l 64, LimitMEMLOCK=64K, docker --ulimit memlock=65536)");
  }
  // Only fails where the kernel was built without it; cores are off altogether then (harden.hpp).
  madvise(page, size, MADV_DONTDUMP);
  return made;
}

SecretBytes::~SecretBytes() {
  if (data_ == nullptr) return;
  OPENSSL_cleanse(data_, size_);
  munmap(data_, size_);  // unlocks as well
}

}  // namespace sluice::mask
