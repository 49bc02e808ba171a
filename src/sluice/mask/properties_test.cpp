// What must hold of each mask for any value: 100,000 random ones each, from a fixed seed.
#include <functional>
#include <random>
#include <unordered_map>

#include "sluice/mask/canonical.hpp"
#include "sluice/mask/fixture.hpp"
#include "sluice/mask/ip_address.hpp"

namespace sluice::mask {
namespace {

constexpr int values_each = 100'000;
constexpr std::string_view base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

using Random = std::mt19937_64;
using Generate = std::function<std::string(Random&)>;
using Fits = std::function<bool(const std::string& value, const std::string& token)>;

std::string text_of(const IpBytes& bytes) {
  std::string text;
  append_ip(bytes, text);
  return text;
}

std::string ipv4(Random& random) {
  IpBytes bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  for (std::size_t i = 12; i < 16; ++i) bytes[i] = static_cast<std::uint8_t>(random());
  return text_of(bytes);
}

// Half of them IPv4; the others with runs of zeros.
std::string address(Random& random) {
  if (random() % 2 == 0) return ipv4(random);
  IpBytes bytes{};
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random() % 3 == 0 ? 0 : random());
  return text_of(bytes);
}

std::string word(Random& random, std::string_view alphabet, std::size_t least, std::size_t most) {
  std::string text(least + random() % (most - least + 1), ' ');
  for (char& c : text) c = alphabet[random() % alphabet.size()];
  return text;
}

// Printable ASCII without space around it, and some letters of two to four bytes; all in NFC.
std::string text(Random& random) {
  std::string out;
  for (std::size_t i = random() % 40; i > 0; --i) {
    constexpr std::string_view wide[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\x9f"};
    if (random() % 8 == 0) {
      out += wide[random() % 3];
    } else {
      out += static_cast<char>('!' + random() % 94);
    }
  }
  return out;
}

std::string device(Random& random) { return word(random, "0123456789abcdef-:", 1, 100); }

std::string email(Random& random) {
  return "A" + word(random, "abcdefXYZ0123456789.+-", 0, 30) + "@host" + std::to_string(random() % 1000) + ".example";
}

std::string dashed(Random& random) {
  std::string out = word(random, "0123456789", 9, 9);
  return out.insert(5, "-").insert(3, "-");
}

std::string date_of_entity(Random& random) {
  char date[16];
  std::snprintf(date, sizeof date, "%04d-%02d-%02d", static_cast<int>(1900 + random() % 200),
                static_cast<int>(1 + random() % 12), static_cast<int>(1 + random() % 28));
  return date + std::string("\t") + word(random, "abc", 1, 12);
}

Fits only(std::string_view alphabet) {
  return [alphabet](const std::string& value, const std::string& token) {
    return token.size() == value.size() && token.find_first_not_of(alphabet) == std::string::npos;
  };
}

// With key id, and for each 3 bytes 4 characters.
Fits token_of(std::size_t more_bytes) {
  return [more_bytes](const std::string& value, const std::string& token) {
    return token.starts_with("k1.") && token.find_first_not_of(base64, 3) == std::string::npos &&
           (more_bytes == 0 || token.size() == 3 + ((value.size() + more_bytes) * 4 + 2) / 3);
  };
}

bool is_address(const std::string& text) {
  IpBytes bytes;
  return parse_ip(text, bytes) && text_of(bytes) == text;
}

struct Property {
  const char* name;
  const char* function;
  MaskArguments arguments;
  Generate generate;
  Fits fits;
};

const std::vector<Property>& properties() {
  static const std::vector<Property> all{
      {"siv_text", "mask_siv", {"d", "text"}, text, token_of(16)},
      {"siv_ip",
       "mask_siv",
       {"d", "ip"},
       address,
       [](const std::string&, const std::string& token) { return token.size() == 46; }},
      {"siv_device", "mask_siv", {"d", "device"}, device, token_of(16)},
      {"siv_email", "mask_siv", {"d", "email"}, email, token_of(16)},
      {"hmac_text",
       "mask_hmac",
       {"d", "text"},
       text,
       [](const std::string&, const std::string& token) { return token.size() == 25; }},
      {"ip", "mask_ip", {}, address, [](const std::string&, const std::string& token) { return is_address(token); }},
      {"ip_prefix",
       "mask_ip_prefix",
       {},
       address,
       [](const std::string& value, const std::string& token) {
         return is_address(token) && (value.find(':') == std::string::npos) == (token.find(':') == std::string::npos);
       }},
      {"fpe_digits",
       "mask_fpe",
       {"digits"},
       [](Random& r) { return word(r, "0123456789", 6, 60); },
       only("0123456789")},
      {"fpe_dashed",
       "mask_fpe",
       {"digits", "-"},
       dashed,
       [](const std::string&, const std::string& token) {
         return token.size() == 11 && token[3] == '-' && token[6] == '-' && std::ranges::count(token, '-') == 2;
       }},
      {"fpe_hex",
       "mask_fpe",
       {"hex"},
       [](Random& r) { return word(r, "0123456789abcdef", 5, 64); },
       only("0123456789abcdef")},
      {"fpe_base62",
       "mask_fpe",
       {"base62"},
       [](Random& r) { return word(r, base64.substr(0, 62), 4, 40); },
       only(base64.substr(0, 62))},
      {"fpe_custom", "mask_fpe", {"ACGT"}, [](Random& r) { return word(r, "ACGT", 10, 80); }, only("ACGT")},
      {"fpe_ipv4",
       "mask_fpe",
       {"ipv4"},
       ipv4,
       [](const std::string&, const std::string& token) {
         return is_address(token) && token.find(':') == std::string::npos;
       }},
      {"fernet",
       "mask_fernet",
       {},
       text,
       [](const std::string& value, const std::string& token) {
         return token.size() == (25 + (value.size() / 16 + 1) * 16 + 32 + 2) / 3 * 4 &&
                token.find_first_not_of(std::string(base64) + "=") == std::string::npos;
       }},
      {"seal", "mask_seal", {}, text, token_of(36)},
      {"date_shift",
       "mask_date_shift",
       {},
       date_of_entity,
       [](const std::string&, const std::string& token) {
         return token.size() == 10 && token.find_first_not_of("0123456789-") == std::string::npos;
       }},
  };
  return all;
}

class of_random_values : public testing::TestWithParam<Property> {};

TEST_P(of_random_values, equality_distinctness_alphabet_and_the_way_back_hold) {
  const Property& property = GetParam();
  const MaskKind& kind = **find_mask(property.function);
  const Keyring ring = keyring();
  const auto mask = make(property.function, ring, property.arguments);
  const auto again = make(property.function, ring, property.arguments);
  const bool dated = kind.input == MaskInput::date;
  Random random(20260131);
  std::unordered_map<std::string, std::string> values;  // by token
  std::unordered_map<std::string, bool> distinct;
  std::string token;
  std::string second;
  std::string back;
  for (int i = 0; i < values_each; ++i) {
    const std::string value = property.generate(random);
    const char* refusal = mask->mask(value, token);
    ASSERT_EQ(refusal, nullptr) << refusal << ": " << value;
    ASSERT_TRUE(property.fits(value, token)) << value << " -> " << token;
    if (kind.recoverable()) {
      const std::string whole = dated ? token + value.substr(10) : token;
      ASSERT_EQ(mask->unmask(whole, back), nullptr) << value;
      ASSERT_EQ(back, dated ? value.substr(0, 10) : value);
    }
    ASSERT_EQ(again->mask(value, second), nullptr);
    if (kind.repeatable) {
      ASSERT_EQ(second, token) << value;
    } else {
      ASSERT_NE(second, token) << value;
    }
    if (dated) {
      ASSERT_NE(token, value.substr(0, 10));
      token += value.substr(10);  // two entities may share a date
    }
    ASSERT_EQ(values.emplace(token, value).first->second, value) << "two values, one token";
    distinct[value] = true;
  }
  if (kind.repeatable) {
    EXPECT_EQ(values.size(), distinct.size());
  } else {
    EXPECT_EQ(values.size(), static_cast<std::size_t>(values_each));
  }
  EXPECT_GT(distinct.size(), static_cast<std::size_t>(values_each) * 3 / 4);
}

INSTANTIATE_TEST_SUITE_P(masks, of_random_values, testing::ValuesIn(properties()),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(of_random_values, each_recoverable_mask_has_a_property) {
  for (const MaskKind& kind : mask_kinds()) {
    const bool there =
        std::ranges::any_of(properties(), [&](const Property& one) { return kind.function == one.function; });
    EXPECT_TRUE(there || !kind.recoverable()) << kind.function;
  }
}

TEST(mask_ip_prefix, keeps_exactly_the_shared_bits) {
  const Keyring ring = keyring();
  const auto mask = make("mask_ip_prefix", ring, {});
  Random random(7);
  const auto shared = [](const IpBytes& a, const IpBytes& b) {
    int bits = 0;
    while (bits < 128 &&
           ((a[static_cast<std::size_t>(bits / 8)] ^ b[static_cast<std::size_t>(bits / 8)]) >> (7 - bits % 8) & 1) == 0)
      ++bits;
    return bits;
  };
  for (int i = 0; i < 20'000; ++i) {
    IpBytes one;
    IpBytes two;
    ASSERT_TRUE(parse_ip(address(random), one));
    two = one;
    const std::size_t bit = (is_ipv4(one) ? 96 : 0) + random() % (is_ipv4(one) ? 32 : 128);
    two[bit / 8] ^= static_cast<std::uint8_t>(0x80U >> bit % 8);
    if (is_ipv4(one) != is_ipv4(two)) continue;
    std::string token;
    IpBytes first;
    IpBytes second;
    ASSERT_EQ(mask->mask(text_of(one), token), nullptr);
    ASSERT_TRUE(parse_ip(token, first));
    ASSERT_EQ(mask->mask(text_of(two), token), nullptr);
    ASSERT_TRUE(parse_ip(token, second));
    ASSERT_EQ(shared(first, second), static_cast<int>(bit));
  }
}

}  // namespace
}  // namespace sluice::mask
