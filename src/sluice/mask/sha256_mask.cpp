// mask_sha256: the unkeyed hash that existing columns are filled with.
#include <openssl/sha.h>

#include <array>
#include <vector>

#include "sluice/core/words.hpp"
#include "sluice/mask/mask_parts.hpp"
#include "sluice/mask/masks.hpp"
#include "sluice/mask/must.hpp"

// As in hmac_sha256.cpp: a prepared state is copied by one assignment.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace sluice::mask {
namespace {

class Sha256Mask final : public Mask {
 public:
  Sha256Mask(std::string_view salt, bool after) : behind_(after ? salt : "") {
    must(SHA256_Init(&start_) == 1, "SHA-256");
    if (!after) must(SHA256_Update(&start_, salt.data(), salt.size()) == 1, "SHA-256");
  }

  // The value as it stands: what was hashed elsewhere had no form.
  const char* mask(std::string_view value, std::string& out) override {
    out.clear();
    if (!is_utf8(value)) return "not_utf8";
    SHA256_CTX state = start_;
    std::array<std::uint8_t, SHA256_DIGEST_LENGTH> hash;
    must(SHA256_Update(&state, value.data(), value.size()) == 1 &&
             SHA256_Update(&state, behind_.data(), behind_.size()) == 1 && SHA256_Final(hash.data(), &state) == 1,
         "SHA-256");
    out.resize(2 * hash.size());
    for (std::size_t i = 0; i < hash.size(); ++i) {
      out[2 * i] = "0123456789abcdef"[hash[i] >> 4U];
      out[2 * i + 1] = "0123456789abcdef"[hash[i] & 15U];
    }
    return nullptr;
  }

 private:
  SHA256_CTX start_;
  std::string behind_;
};

}  // namespace

Made make_sha256(const Keyring*, std::string_view, const MaskArguments& arguments) {
  const std::string& position = arguments[1];
  if (position != "before" && position != "after") {
    const std::vector<std::string> known{"before", "after"};
    return fail(Fault::config, "there is no position '" + position + "'", did_you_mean(position, known));
  }
  return std::make_unique<Sha256Mask>(arguments[0], position == "after");
}

}  // namespace sluice::mask
