#include "sluice/mask/seal.hpp"

#include <set>

#include "sluice/mask/fixture.hpp"

namespace sluice::mask {
namespace {

constexpr std::string_view payload = R"({"user_id": "u1", "ip": "203.0.113.7"})";

TEST(seal, gives_back_what_was_sealed) {
  const Keyring ring = keyring();
  Sealer sealer(ring);
  for (const std::string& plain :
       {std::string(), std::string("x"), std::string(payload), std::string(1U << 20U, '\0')}) {
    const std::string sealed = sealer.seal(plain, "logins");
    EXPECT_EQ(unseal(ring, sealed, "logins"), plain);
    EXPECT_EQ(sealed.size(), 2U + 2U + 16U + 12U + plain.size() + 16U);
  }
}

TEST(seal, hides_everything_and_never_gives_one_result_twice) {
  const Keyring ring = keyring();
  std::set<std::string> seen;
  for (int i = 0; i < 50; ++i) {
    Sealer sealer(ring);
    for (int k = 0; k < 300; ++k) {
      const std::string sealed = sealer.seal(payload, "logins");
      EXPECT_EQ(sealed.find("203.0.113.7"), std::string::npos);
      EXPECT_TRUE(seen.insert(sealed.substr(0, 32)).second) << "one salt and nonce twice";
    }
  }
}

TEST(seal, refuses_each_changed_bit_and_each_length) {
  const Keyring ring = keyring();
  Sealer sealer(ring);
  sealer.seal("first", "logins");
  const std::string sealed = sealer.seal(payload, "logins");
  for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    std::string changed = sealed;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    const auto opened = unseal(ring, changed, "logins");
    ASSERT_FALSE(opened.has_value()) << bit;
    ASSERT_EQ(opened.error().text().find("203"), std::string::npos);
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    ASSERT_FALSE(unseal(ring, sealed.substr(0, size), "logins").has_value()) << size;
  }
  EXPECT_FALSE(unseal(ring, sealed + '\0', "logins").has_value());
  EXPECT_FALSE(unseal(ring, sealed, "other").has_value());
  EXPECT_FALSE(unseal(ring, sealed, "").has_value());
}

TEST(seal, associated_bytes_cannot_move_into_the_head_or_the_text) {
  const Keyring ring = keyring();
  Sealer sealer(ring);
  EXPECT_FALSE(unseal(ring, sealer.seal("x", "logins"), "loginsx").has_value());
  EXPECT_FALSE(unseal(ring, sealer.seal("x", "ab") + "c", "ab").has_value());
}

TEST(unseal, needs_the_key_that_sealed) {
  const std::string sealed = Sealer(keyring("primary", "enabled")).seal(payload, "logins");
  EXPECT_EQ(unseal(keyring("decrypt-only", "primary"), sealed, "logins"), payload);
  const auto gone = unseal(keyring("disabled", "primary"), sealed, "logins");
  ASSERT_FALSE(gone.has_value());
  EXPECT_EQ(static_cast<int>(gone.error().fault), static_cast<int>(Fault::config));
  EXPECT_NE(gone.error().text().find("'k1'"), std::string::npos);
}

}  // namespace
}  // namespace sluice::mask
