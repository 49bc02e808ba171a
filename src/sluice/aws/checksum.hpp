// The checksums that S3 keeps of objects, and MD5 for ETags.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::aws {

// Adds up bytes in their order.
class Checksum {
 public:
  enum class Kind { crc32, crc32c, crc64nvme };
  explicit Checksum(Kind kind) : kind_(kind) {}

  void add(std::string_view bytes);
  Kind kind() const { return kind_; }
  std::string text() const;  // base64 of its bytes, the highest first, as S3 writes it

 private:
  Kind kind_;
  std::uint64_t state_ = ~std::uint64_t{0};
};

std::string crc32c_text(std::string_view bytes);
std::string md5_hex(std::string_view bytes);

}  // namespace sluice::aws
