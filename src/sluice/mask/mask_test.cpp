// The masks as SQL calls them: equality, recovery, refusals, and that a value costs no allocation.
#include "sluice/mask/mask.hpp"

#include <map>

#include "sluice/mask/allocation_count.hpp"
#include "sluice/mask/canonical.hpp"
#include "sluice/mask/fixture.hpp"

namespace sluice::mask {
namespace {

std::unique_ptr<Mask> make(std::string_view function, const Keyring& ring, std::string_view domain, Form form) {
  return make(function, ring, {std::string(domain), std::string(to_string(form))});
}

std::string masked(std::string_view function, std::string_view domain, std::string_view value) {
  std::string token;
  const Keyring ring = keyring();
  const char* refusal = make(function, ring, {std::string(domain)})->mask(value, token);
  return refusal == nullptr ? token : std::string("refused: ") + refusal;
}

Result<std::string> unmasked_by(const Keyring& ring, std::string_view token, MaskArguments arguments,
                                std::string_view function = "mask_siv") {
  auto unmasker = Unmasker::open(**find_mask(function), &ring, std::move(arguments));
  if (!unmasker) return fail(std::move(unmasker).error());
  return unmasker->unmask(token);
}

Result<std::string> unmasked(std::string_view token, std::string_view domain) {
  return unmasked_by(keyring(), token, {std::string(domain)});
}

TEST(masks, the_table_says_which_can_be_undone) {
  ASSERT_EQ(mask_kinds().size(), 13U);
  for (const MaskKind& kind : mask_kinds()) {
    EXPECT_TRUE(kind.function.starts_with("mask_"));
    EXPECT_FALSE(kind.help.empty());
    EXPECT_TRUE(kind.keyed || !kind.recoverable()) << kind.function;
    bool optional = false;  // those that may be left out stand at the end
    for (const MaskParameter& parameter : kind.parameters) {
      EXPECT_TRUE(parameter.otherwise || !optional) << kind.function;
      optional = parameter.otherwise.has_value();
      EXPECT_FALSE(parameter.help.empty());
    }
  }
}

// The answers stay as they are, over versions: tables are full of them. Computed by Python's cryptography as
// docs/masks.md shows; decode_test.py does that anew.
TEST(masks, a_value_has_the_token_it_always_had) {
  EXPECT_EQ(masked("mask_hmac", "ip", "203.0.113.7"), "k1.V824_rYwvgq59NNmWgn4Xg");
  EXPECT_EQ(masked("mask_siv", "ip", "203.0.113.7"), "k1.sBopnxwIOSb2DvacXELJvJrACcSghOH52jam5aX5P3Y");
  EXPECT_EQ(masked("mask_siv", "device", "593-47-5928"), "k1.paoolu28GgpEusKIqNQZWZIZHdcrDDSjtm3Y");
}

TEST(masks, equal_values_get_equal_tokens_however_they_are_written) {
  for (const char* function : {"mask_hmac", "mask_siv"}) {
    const std::string token = masked(function, "ip", "10.0.0.1");
    for (const char* same :
         {" 10.0.0.1\n", "010.000.0.01", "::ffff:10.0.0.1", "::FFFF:a00:1", "0:0:0:0:0:ffff:0a00:0001"}) {
      EXPECT_EQ(masked(function, "ip", same), token) << same;
    }
    EXPECT_NE(masked(function, "ip", "10.0.0.2"), token);
  }
}

TEST(masks, domains_functions_forms_and_keys_do_not_share_tokens) {
  std::map<std::string, std::string> seen;
  const auto add = [&](const Keyring& ring, const char* function, const char* domain, Form form) {
    std::string token;
    ASSERT_EQ(make(function, ring, domain, form)->mask("10.0.0.1", token), nullptr);
    const std::string rest = token.substr(token.find('.') + 1, 20);
    EXPECT_TRUE(seen.emplace(rest, token).second) << function << ' ' << domain;
  };
  for (const char* function : {"mask_hmac", "mask_siv"}) {
    for (const char* domain : {"a", "b", "c", "text", "device"}) {
      for (const Form form : {Form::text, Form::ip, Form::device}) {
        add(keyring(), function, domain, form);
        add(keyring("enabled", "primary"), function, domain, form);
      }
    }
  }
  EXPECT_EQ(seen.size(), 60U);
}

TEST(masks, what_cannot_be_masked_has_a_reason_and_no_token) {
  std::string token = "left over";
  const Keyring ring = keyring();
  EXPECT_STREQ(make("mask_siv", ring, "ip", Form::ip)->mask("256.1.1.1", token), "invalid_ip");
  EXPECT_EQ(token, "");
  token = "left over";
  EXPECT_STREQ(make("mask_hmac", ring, "x", Form::text)->mask("\xff", token), "not_utf8");
  EXPECT_EQ(token, "");
  EXPECT_EQ(masked("mask_siv", "ip", ""), "refused: invalid_ip");
  EXPECT_EQ(masked("mask_siv", "email", "nobody"), "refused: invalid_email");
}

TEST(masks, an_empty_text_is_a_value) {
  EXPECT_EQ(masked("mask_hmac", "text", "").size(), 25U);
  const std::string token = masked("mask_siv", "text", "");
  EXPECT_EQ(token.size(), 25U);
  EXPECT_EQ(unmasked(token, "text"), "");
}

TEST(masks, a_text_of_a_mebibyte_comes_back) {
  const std::string value(1U << 20U, 'x');
  EXPECT_EQ(unmasked(masked("mask_siv", "text", value), "text"), value);
}

TEST(masks, a_value_costs_no_allocation) {
  ASSERT_TRUE(openssl_allocations_count());
  const Keyring ring = keyring();
  const std::vector<std::pair<Form, std::vector<std::string>>> values = {
      {Form::ip, {"203.0.113.7", "2001:db8::1", "not an address"}},
      {Form::device, {"593-47-5928", "F0:0D:CA:FE", std::string(100, 'z')}},
      {Form::email,
       {"Ann@Example.COM",
        "ann@B\xc3\x9c"
        "CHER.example"}},
      {Form::text, {"", "plain", "Ame\xcc\x81lie", "\xff"}},
  };
  for (const char* function : {"mask_hmac", "mask_siv"}) {
    for (const auto& [form, texts] : values) {
      const auto mask = make(function, ring, "d", form);
      std::string token;
      const auto all = [&] {
        for (const std::string& text : texts) mask->mask(text, token);
      };
      all();  // grows `token` and what the mask keeps
      const long before = allocations();
      for (int i = 0; i < 1000; ++i) all();
      EXPECT_EQ(allocations() - before, 0) << function << ' ' << to_string(form);
    }
  }
}

void expect_refused(const Result<std::string>& result, Fault fault, std::string_view words) {
  ASSERT_FALSE(result.has_value()) << "it came back";
  EXPECT_EQ(static_cast<int>(result.error().fault), static_cast<int>(fault)) << result.error().text();
  EXPECT_NE(result.error().text().find(words), std::string::npos) << result.error().text();
}

TEST(unmask, says_why_a_token_has_no_value) {
  const std::string token = masked("mask_siv", "ip", "203.0.113.7");
  ASSERT_EQ(unmasked(token, "ip"), "203.0.113.7");
  expect_refused(unmasked("k9" + token.substr(2), "ip"), Fault::config, "'k9'");
  expect_refused(unmasked("k2" + token.substr(2), "ip"), Fault::data, "'k2'");
  expect_refused(unmasked(token, "other"), Fault::data, "domain");
  expect_refused(unmasked_by(keyring(), token, {"ip", "text"}), Fault::data, "form");
  expect_refused(unmasked(token.substr(0, 20), "ip"), Fault::data, "cut off");
  expect_refused(unmasked(token.substr(0, 39), "ip"), Fault::data, "changed");
  expect_refused(unmasked(token + "=", "ip"), Fault::data, "character");
  expect_refused(unmasked(token + "\r", "ip"), Fault::data, "character");
  expect_refused(unmasked(masked("mask_hmac", "ip", "203.0.113.7"), "ip"), Fault::data, "mask_hmac");
  for (const char* nonsense : {"", ".", "k1", "k0.abcd", "K1.abcd", "k1234567890.abcd"}) {
    expect_refused(unmasked(nonsense, "ip"), Fault::data, "not a token");
  }
  expect_refused(unmasked("k1.", "ip"), Fault::data, "cut off");
}

TEST(unmask, refuses_each_changed_character) {
  // 32, 27 and 17 bytes: with 2, 0 and 4 bits of the last character unused.
  for (const auto& [domain, value] : {std::pair("ip", "203.0.113.7"), {"device", "593-47-5928"}, {"text", "x"}}) {
    const std::string token = masked("mask_siv", domain, value);
    for (std::size_t at = 3; at < token.size(); ++at) {
      for (const char other : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")) {
        std::string changed = token;
        if (changed[at] == other) continue;
        changed[at] = other;
        EXPECT_FALSE(unmasked(changed, domain).has_value()) << domain << ' ' << at;
      }
    }
  }
}

TEST(unmask, tells_nothing_of_a_clear_value_passed_by_mistake) {
  for (const char* clear : {"ann.lee@example.com", "203.0.113.7", "k1.ann@example.com", "ann"}) {
    const auto result = unmasked(clear, "ip");
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().text().find("ann"), std::string::npos);
    EXPECT_EQ(result.error().text().find("203"), std::string::npos);
  }
}

TEST(unmask, reads_tokens_of_an_older_key) {
  std::string token;
  const Keyring first = keyring("primary", "enabled");
  ASSERT_EQ(make("mask_siv", first, "ip", Form::ip)->mask("203.0.113.7", token), nullptr);
  const auto read_under = [&](const char* k1) { return unmasked_by(keyring(k1, "primary"), token, {"ip"}); };
  EXPECT_EQ(read_under("enabled"), "203.0.113.7");
  EXPECT_EQ(read_under("decrypt-only"), "203.0.113.7");
  expect_refused(read_under("disabled"), Fault::config, "'k1'");
}

}  // namespace
}  // namespace sluice::mask
