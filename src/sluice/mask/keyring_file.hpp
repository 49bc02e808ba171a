// What makes a keyring's file and what changes one have in common: writing it, whole, for its owner alone.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/mask/keyring.hpp"

namespace sluice::mask {

// A descriptor that is closed with its scope.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

std::string folder_of(const std::string& file);
std::string now_text();  // "2026-01-31T12:00:00Z"
// A new key, enabled: its secret is made, or read from where it stands, and its bytes are put into `out`.
Result<KeyFacts> make_key(const std::string& id, const std::string& place, const NewKey& wanted, KeyVault* vault,
                          std::span<std::uint8_t> out);
// All of `text`, or false with errno.
bool write_all(int descriptor, std::string_view text);

// One key as the file holds it. `bytes` is not read where the secret stands elsewhere.
struct WrittenKey {
  KeyFacts facts;
  std::span<const std::uint8_t> bytes;
};
// All of a keyring's text, on the disk when it comes back; false with errno.
bool write_keyring(int descriptor, const std::vector<WrittenKey>& keys);

}  // namespace sluice::mask
