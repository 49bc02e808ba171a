#include "sluice/aws/checksum.hpp"

#include <gtest/gtest.h>

namespace sluice::aws {
namespace {

std::string checksum(Checksum::Kind kind, std::string_view bytes, std::size_t piece) {
  Checksum sum(kind);
  for (std::size_t at = 0; at < bytes.size(); at += piece) sum.add(bytes.substr(at, piece));
  return sum.text();
}

// The check values of the CRC catalogue (reveng.sourceforge.io), base64 of their bytes.
TEST(checksum, is_that_of_the_catalogue) {
  EXPECT_EQ(checksum(Checksum::Kind::crc32, "123456789", 9), "y/Q5Jg==");          // CBF43926
  EXPECT_EQ(checksum(Checksum::Kind::crc32c, "123456789", 9), "4waSgw==");         // E3069283
  EXPECT_EQ(checksum(Checksum::Kind::crc64nvme, "123456789", 9), "rosUhgp5mIg=");  // AE8B14860A799888
}

TEST(checksum, of_nothing_is_zero) {
  EXPECT_EQ(crc32c_text(""), "AAAAAA==");
  EXPECT_EQ(Checksum(Checksum::Kind::crc64nvme).text(), "AAAAAAAAAAA=");
}

TEST(checksum, does_not_depend_on_how_the_bytes_come) {
  std::string bytes;
  for (int k = 0; k < 10007; ++k) bytes += static_cast<char>(k * 31 + k / 7);
  for (const auto kind : {Checksum::Kind::crc32, Checksum::Kind::crc32c, Checksum::Kind::crc64nvme}) {
    const std::string whole = checksum(kind, bytes, bytes.size());
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{8}, std::size_t{4099}})
      EXPECT_EQ(checksum(kind, bytes, piece), whole) << piece;
  }
}

TEST(checksum, md5_is_that_of_rfc_1321) { EXPECT_EQ(md5_hex("abc"), "900150983cd24fb0d6963f7d28e17f72"); }

}  // namespace
}  // namespace sluice::aws
