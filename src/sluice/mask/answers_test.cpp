// What each mask answers: its tokens, which stay as they are over versions, what it refuses, which arguments are
// wrong, and why a token has no value.
#include <map>

#include "sluice/mask/allocation_count.hpp"
#include "sluice/mask/fixture.hpp"

namespace sluice::mask {
namespace {

// The token, or "!" and the reason why there is none. The refused leave nothing behind.
std::string answer(std::string_view function, const MaskArguments& arguments, std::string_view value) {
  const Keyring ring = keyring();
  std::string token = "left over";
  const char* refusal = make(function, ring, arguments)->mask(value, token);
  if (refusal == nullptr) return token;
  EXPECT_EQ(token, "");
  return std::string("!") + refusal;
}

// Tables are full of them. decode_test.py reads those that can be read with other people's libraries.
TEST(answers, a_value_has_the_token_it_always_had) {
  EXPECT_EQ(answer("mask_ip", {}, "203.0.113.7"), "924c:d15:2494:f61c:93b8:66c4:ba3d:ae5a");
  EXPECT_EQ(answer("mask_ip", {}, "2001:db8::1"), "ff9a:cb18:a2eb:b8f8:18d5:e3e4:b02b:393d");
  EXPECT_EQ(answer("mask_ip_prefix", {}, "203.0.113.7"), "114.79.212.82");
  EXPECT_EQ(answer("mask_ip_prefix", {}, "2001:db8::1"), "e82:f921:1d4b:b447:972e:fc37:1bdd:4d35");
  EXPECT_EQ(answer("mask_fpe", {"digits", "-"}, "593-47-5928"), "096-55-4788");
  EXPECT_EQ(answer("mask_fpe", {"ipv4"}, "203.0.113.7"), "19.156.95.170");
  EXPECT_EQ(answer("mask_fpe", {"hex"}, "deadbeef"), "8227ebaf");
  EXPECT_EQ(answer("mask_fpe", {"ACGT"}, "GATTACAGATTACA"), "TACTGCTTATGGCC");
  EXPECT_EQ(answer("mask_date_shift", {}, "2026-01-31\tu1"), "2025-03-14");
  EXPECT_EQ(answer("mask_sha256", {"pepper"}, "203.0.113.7"),
            "8fc212f188c11cc380ea9112da8e6dba4197bb31854882f5e4d07602091e019f");
  EXPECT_EQ(answer("mask_sha256", {"pepper", "after"}, "203.0.113.7"),
            "87c70c102853e437b09965cf06024fbb539ca825f132d5ee4bc7cad9537c40d5");
}

TEST(answers, what_is_shown_is_never_the_whole_value) {
  EXPECT_EQ(answer("mask_partial", {"2", "1"}, "Am\xc3\xa9lie"), "Am***e");
  EXPECT_EQ(answer("mask_partial", {"2", "2"}, "abcd"), "****");
  EXPECT_EQ(answer("mask_partial", {"2", "2"}, "abcde"), "ab*de");
  EXPECT_EQ(answer("mask_partial", {"0", "4"}, "4111111111111111"), "************1111");
  EXPECT_EQ(answer("mask_partial", {"1", "1"}, "\xc3\xa9t\xc3\xa9"), "\xc3\xa9*\xc3\xa9");
  EXPECT_EQ(answer("mask_redact", {}, "anything"), "[redacted]");
  EXPECT_EQ(answer("mask_truncate_ip", {"24"}, "203.0.113.7"), "203.0.113.0");
  EXPECT_EQ(answer("mask_truncate_ip", {"20"}, "::ffff:203.0.113.7"), "203.0.112.0");
  EXPECT_EQ(answer("mask_truncate_ip", {"24"}, "2001:db8:1:2:3::9"), "2001:db8:1::");
  EXPECT_EQ(answer("mask_truncate_ip", {"0", "0"}, "2001:db8:1:2:3::9"), "::");
  EXPECT_EQ(answer("mask_email", {}, "ann.lee@Example.COM"), "a***@example.com");
  EXPECT_EQ(answer("mask_email", {}, "a@example.com"), "***@example.com");
  EXPECT_EQ(answer("mask_email", {}, "\xc3\xa9mile@example.com"), "\xc3\xa9***@example.com");
}

struct Answers {
  const char* function;
  MaskArguments arguments;
  const char* empty;                            // "" is any token
  const char* not_utf8;                         // of "\xff"
  const char* mebibyte;                         // of a MiB of 1s
  std::pair<const char*, const char*> same{};   // two ways to write one value, if there are
  std::pair<const char*, const char*> apart{};  // two values
};

// The table of docs/masks.md.
TEST(answers, to_empty_broken_long_and_non_canonical_values_are_defined) {
  const std::pair ip{"10.0.0.1", " ::ffff:010.0.0.1\n"};
  const std::pair spaced{"12345678", "\t12345678 "};
  const std::vector<Answers> table{
      {"mask_hmac", {"text"}, "", "!not_utf8", "", {"Am\xc3\xa9lie", " Ame\xcc\x81lie"}, {"a", "A"}},
      {"mask_siv", {"text"}, "", "!not_utf8", "", {"Am\xc3\xa9lie", " Ame\xcc\x81lie"}, {"a", "A"}},
      {"mask_ip", {}, "!invalid_ip", "!invalid_ip", "!invalid_ip", ip, {"10.0.0.1", "10.0.0.2"}},
      {"mask_ip_prefix", {}, "!invalid_ip", "!invalid_ip", "!invalid_ip", ip, {"10.0.0.1", "10.0.0.2"}},
      {"mask_fpe", {"digits"}, "!too_short", "!outside_alphabet", "!too_long", spaced, {"0123456", "1234560"}},
      {"mask_fpe", {"hex", ":"}, "!too_short", "!outside_alphabet", "!too_long", spaced, {"ab:cdef", "a:bcdef"}},
      {"mask_fpe", {"ipv4"}, "!invalid_ip", "!invalid_ip", "!invalid_ip", ip, {"10.0.0.1", "10.0.0.2"}},
      {"mask_fernet", {}, "", "!not_utf8", ""},
      {"mask_seal", {}, "", "!not_utf8", ""},
      {"mask_date_shift", {}, "!no_entity", "!no_entity", "!no_entity"},
      {"mask_sha256", {"s"}, "", "!not_utf8", "", {}, {"a", " a"}},
      {"mask_partial", {"1", "1"}, "", "!not_utf8", "", {"abcd", " abcd "}},
      {"mask_redact", {}, "", "[redacted]", "", {"a", "b"}},
      {"mask_truncate_ip", {"24"}, "!invalid_ip", "!invalid_ip", "!invalid_ip", ip},
      {"mask_email", {}, "!invalid_email", "!not_utf8", "!invalid_email", {"ann@Example.com", " ann@example.com"}},
  };
  const std::string mebibyte(1U << 20U, '1');
  for (const Answers& row : table) {
    SCOPED_TRACE(row.function);
    const auto check = [&](std::string_view value, std::string_view wanted) {
      const std::string got = answer(row.function, row.arguments, value);
      if (wanted.empty()) {
        EXPECT_FALSE(got.starts_with("!")) << got;
      } else {
        EXPECT_EQ(got, wanted);
      }
    };
    check("", row.empty);
    check("\xff", row.not_utf8);
    check(mebibyte, row.mebibyte);
    const auto of = [&](const char* value) { return answer(row.function, row.arguments, value); };
    if (row.same.first != nullptr) {
      EXPECT_EQ(of(row.same.first), of(row.same.second));
    }
    if (row.apart.first != nullptr) {
      EXPECT_NE(of(row.apart.first), of(row.apart.second));
    }
  }
  for (const MaskKind& kind : mask_kinds()) {
    EXPECT_TRUE(std::ranges::any_of(table, [&](const Answers& row) { return kind.function == row.function; }))
        << kind.function;
  }
}

TEST(answers, wrong_values_have_their_reasons) {
  for (const char* function : {"mask_ip", "mask_ip_prefix"}) {
    for (const char* wrong : {"999.1.1.1", "fe80::1%eth0", "10.0.0.0/8", "[::1]", "localhost", "1.2.3"})
      EXPECT_EQ(answer(function, {}, wrong), "!invalid_ip") << wrong;
  }
  EXPECT_EQ(answer("mask_fpe", {"digits"}, "12345"), "!too_short");
  EXPECT_EQ(answer("mask_fpe", {"digits"}, "123-456"), "!outside_alphabet");
  EXPECT_EQ(answer("mask_fpe", {"digits", "-"}, "--12345--"), "!too_short");
  EXPECT_EQ(answer("mask_fpe", {"hex"}, "DEADBEEF"), "!outside_alphabet");
  EXPECT_EQ(answer("mask_fpe", {"ipv4"}, "2001:db8::1"), "!not_ipv4");
  EXPECT_EQ(answer("mask_fpe", {"digits"}, std::string(1024, '7')).size(), 1024U);
  EXPECT_EQ(answer("mask_fpe", {"digits"}, std::string(1025, '7')), "!too_long");
  EXPECT_EQ(answer("mask_date_shift", {}, "2026-02-30\tu"), "!invalid_date");
  EXPECT_EQ(answer("mask_date_shift", {}, "yesterday\tu"), "!invalid_date");
  EXPECT_EQ(answer("mask_date_shift", {}, "2026-01-31 soon\tu"), "!invalid_date");
  EXPECT_EQ(answer("mask_date_shift", {}, "0000-01-01\tu1"), "!out_of_range");  // it would be moved back
  EXPECT_EQ(answer("mask_date_shift", {}, "2026-01-31"), "!no_entity");
  EXPECT_EQ(answer("mask_date_shift", {}, "2026-01-31\t "), "!no_entity");
}

TEST(answers, dates_of_one_entity_keep_their_distance_and_are_never_clear) {
  const Keyring ring = keyring();
  const auto mask = make("mask_date_shift", ring, {"2"});
  std::map<std::int32_t, int> seen;
  for (int i = 0; i < 1000; ++i) {
    std::int32_t days = 0;
    ASSERT_EQ(mask->days("u" + std::to_string(i), days), nullptr);
    ++seen[days];
  }
  ASSERT_EQ(seen.size(), 4U);
  for (const std::int32_t days : {-2, -1, 1, 2}) EXPECT_GT(seen[days], 200) << days;
  EXPECT_EQ(answer("mask_date_shift", {}, "2026-01-31\tu1"), "2025-03-14");
  EXPECT_EQ(answer("mask_date_shift", {}, "2026-02-01\tu1"), "2025-03-15");
  EXPECT_EQ(answer("mask_date_shift", {}, "2026-02-01 10:20:30.5\tu1"), "2025-03-15 10:20:30.5");
  EXPECT_EQ(answer("mask_date_shift", {}, "2026-02-01T10:20:30+01:00\tu1"), "2025-03-15T10:20:30+01:00");
}

TEST(answers, what_follows_a_date_stays_only_where_it_is_a_time) {
  for (const std::string time : {"", " 10:20", "T10:20", " 00:00:00", " 23:59:59.999999", " 10:20:30.5", "T10:20:30Z",
                                 " 10:20:30+02", "T10:20:30.123456-03:30", " 10:20+15:59"})
    EXPECT_EQ(answer("mask_date_shift", {}, "2026-01-31" + time + "\tu1"), "2025-03-14" + time);
  for (const std::string text : {" 99:99:99",
                                 " 12:37605030299",
                                 "+99",
                                 " 10:20:30.5934755288",
                                 " 24:00",
                                 " 10:60",
                                 " 10:20:60",
                                 " 10:20:30.",
                                 " 10:20:",
                                 " 10",
                                 " 1:20",
                                 "  10:20",
                                 "T10:20:30Z1",
                                 " 10:20:30+1",
                                 " 10:20:30+16",
                                 " 10:20:30+02:60",
                                 " 10:20:30+0200",
                                 " 10:20:30+02:00:00",
                                 " 10:20:30,5",
                                 " 10:20:30 UTC",
                                 " 10:20:30-02-",
                                 "10:20",
                                 "Z",
                                 "5"})
    EXPECT_EQ(answer("mask_date_shift", {}, "2026-01-31" + text + "\tu1"), "!invalid_date") << text;
}

TEST(answers, wrong_arguments_are_errors_that_say_what_is_known) {
  const Keyring ring = keyring();
  const std::vector<std::tuple<const char*, MaskArguments, const char*>> wrong = {
      {"mask_siv", {}, "the domain is missing"},
      {"mask_siv", {""}, "1 to 64 characters"},
      {"mask_siv", {std::string(65, 'd')}, "1 to 64 characters"},
      {"mask_siv", {"d", "adress"}, "there is no form 'adress'"},
      {"mask_siv", {"d", "emial"}, "did you mean 'email'"},
      {"mask_siv", {"d", "ip", "x"}, "too many"},
      {"mask_fpe", {"digts"}, "did you mean 'digits'"},
      {"mask_fpe", {"digit"}, "did you mean 'digits'"},
      {"mask_fpe", {"alunm"}, "did you mean 'alnum'"},
      {"mask_fpe", {"HEX"}, "did you mean 'hex'"},
      {"mask_fpe", {"Hex"}, "did you mean 'hex'"},
      {"mask_fpe", {"base64"}, "did you mean 'base"},
      {"mask_fpe", {"ipv6"}, "did you mean 'ipv4'"},
      {"mask_fpe", {"~"}, "2 to 94"},
      {"mask_fpe", {"a b"}, "2 to 94"},
      {"mask_fpe", {"AbA"}, "twice"},
      {"mask_fpe", {"digits", "-7"}, "would not be masked"},
      {"mask_fpe", {"ipv4", "."}, "keeps no characters"},
      {"mask_partial", {"2"}, "the last is missing"},
      {"mask_partial", {"-1", "2"}, "first is a whole number"},
      {"mask_partial", {"two", "2"}, "first is a whole number"},
      {"mask_truncate_ip", {"32"}, "bits is a whole number from 0 to 31"},
      {"mask_truncate_ip", {"24", "128"}, "bits6 is a whole number from 0 to 127"},
      {"mask_sha256", {"salt", "afer"}, "did you mean 'after'"},
      {"mask_date_shift", {"0"}, "days is a whole number"},
  };
  for (const auto& [function, arguments, words] : wrong) {
    const auto made = make_mask(**find_mask(function), &ring, arguments);
    ASSERT_FALSE(made.has_value()) << words;
    EXPECT_EQ(static_cast<int>(made.error().fault), static_cast<int>(Fault::config));
    EXPECT_NE(made.error().text().find(words), std::string::npos) << made.error().text();
    EXPECT_NE(made.error().text().find(function), std::string::npos) << made.error().text();
  }
  const auto unknown = find_mask("mask_hmca");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_NE(unknown.error().text().find("did you mean 'mask_hmac'"), std::string::npos) << unknown.error().text();
  EXPECT_EQ((*find_mask("siv"))->function, "mask_siv");
  const auto keyless = make_mask(**find_mask("mask_ip"), nullptr, {});
  ASSERT_FALSE(keyless.has_value());
  EXPECT_NE(keyless.error().text().find("sluice keys init"), std::string::npos);
}

TEST(answers, tokens_of_two_domains_and_two_keys_have_nothing_in_common) {
  const Keyring ring = keyring();
  const std::vector<std::tuple<const char*, MaskArguments, MaskArguments, const char*>> masks = {
      {"mask_ip", {}, {"other"}, "203.0.113.7"},
      {"mask_ip_prefix", {}, {"other"}, "203.0.113.7"},
      {"mask_fpe", {"digits"}, {"digits", "", "other"}, "1234567890123456"},
      {"mask_fpe", {"ipv4"}, {"ipv4", "", "other"}, "203.0.113.7"},
      {"mask_date_shift", {}, {"365", "other"}, "2026-01-31\tu1"},
  };
  for (const auto& [function, arguments, others, value] : masks) {
    std::string token;
    std::string other;
    std::string older;
    ASSERT_EQ(make(function, ring, arguments)->mask(value, token), nullptr);
    ASSERT_EQ(make(function, ring, others)->mask(value, other), nullptr);
    ASSERT_EQ(make(function, ring, arguments, "k2")->mask(value, older), nullptr);
    EXPECT_NE(token, other) << function;
    EXPECT_NE(token, older) << function;
  }
  // A text that is no name is an alphabet by its characters, whatever name it looks like.
  for (const std::string characters : {"zyx", "hexa", "alnumx", "hax", "xeh", "digt5"}) {
    const std::string value = characters + std::string(24, characters.back()) + characters;
    const std::string token = answer("mask_fpe", {characters}, value);
    EXPECT_EQ(token.size(), value.size()) << characters;
    EXPECT_EQ(token.find_first_not_of(characters), std::string::npos) << characters;
  }
  // A name and its characters are one alphabet.
  EXPECT_EQ(answer("mask_fpe", {"digits"}, "12345678"), answer("mask_fpe", {"0123456789"}, "12345678"));
}

Result<std::string> unmasked(const Keyring& ring, std::string_view function, MaskArguments arguments,
                             std::string_view token, std::string key_id = {}) {
  auto unmasker = Unmasker::open(**find_mask(function), &ring, std::move(arguments), std::move(key_id));
  if (!unmasker) return fail(std::move(unmasker).error());
  return unmasker->unmask(token);
}

void expect_refused(const Result<std::string>& result, std::string_view words) {
  ASSERT_FALSE(result.has_value()) << "it came back";
  EXPECT_NE(result.error().text().find(words), std::string::npos) << result.error().text();
}

TEST(unmask, of_tokens_without_a_key_id_takes_the_primary_key_or_the_one_that_is_named) {
  const Keyring before = keyring("primary", "enabled");
  const Keyring after = keyring("enabled", "primary");
  std::string token;
  ASSERT_EQ(make("mask_ip", before, {})->mask("203.0.113.7", token), nullptr);
  EXPECT_EQ(unmasked(before, "mask_ip", {}, token), "203.0.113.7");
  EXPECT_NE(unmasked(after, "mask_ip", {}, token), "203.0.113.7");
  EXPECT_EQ(unmasked(after, "mask_ip", {}, token, "k1"), "203.0.113.7");
  expect_refused(unmasked(after, "mask_ip", {}, token, "k7"), "no key 'k7'");
  ASSERT_EQ(make("mask_date_shift", before, {})->mask("2026-01-31\tu1", token), nullptr);
  EXPECT_EQ(unmasked(after, "mask_date_shift", {}, token + "\tu1", "k1"), "2026-01-31");
  EXPECT_EQ(unmasked(after, "mask_date_shift", {}, token + " 10:20:30\tu1", "k1"), "2026-01-31 10:20:30");
  // A Fernet token proves its key.
  ASSERT_EQ(make("mask_fernet", before, {})->mask("hello", token), nullptr);
  EXPECT_EQ(unmasked(after, "mask_fernet", {}, token), "hello");
  expect_refused(unmasked(after, "mask_fernet", {}, token, "k2"), "not made by mask_fernet with key 'k2'");
}

TEST(masks, of_fernet_tell_whether_the_key_that_writes_made_a_token) {
  const Keyring before = keyring("primary", "enabled");
  const Keyring after = keyring("enabled", "primary");
  std::string old;
  std::string token;
  ASSERT_EQ(make("mask_fernet", before, {})->mask("hello", old), nullptr);
  const auto mask = make("mask_fernet", after, {});
  ASSERT_EQ(mask->mask("hello", token), nullptr);
  EXPECT_TRUE(mask->made(token));
  EXPECT_FALSE(mask->made(old));
  EXPECT_FALSE(mask->made("hello"));
  token[40] = token[40] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(mask->made(token));
  EXPECT_FALSE(make("mask_fernet", after, {"other"})->made(token));
  // A token in place of another keeps its time.
  std::string again;
  ASSERT_EQ(mask->mask_again("hello", "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ", again), nullptr);
  EXPECT_TRUE(mask->made(again));
  EXPECT_EQ(again.substr(0, 12), "gAAAAAAdwJ6w");
  EXPECT_NE(mask->mask_again("hello", "short", again), nullptr);
  // Nothing in the tokens of the others tells it.
  std::string address;
  const auto other = make("mask_ip", after, {});
  ASSERT_EQ(other->mask("203.0.113.7", address), nullptr);
  EXPECT_FALSE(other->made(address));
}

TEST(unmask, takes_the_key_that_was_noted_beside_a_token) {
  const Keyring ring = keyring("enabled", "primary");
  std::string token;
  ASSERT_EQ(make("mask_ip", keyring("primary", "enabled"), {})->mask("203.0.113.7", token), nullptr);
  auto unmasker = Unmasker::open(**find_mask("mask_ip"), &ring, {"ip"});
  ASSERT_TRUE(unmasker.has_value());
  EXPECT_EQ(unmasker->unmask(token, "k1"), "203.0.113.7");
  EXPECT_NE(unmasker->unmask(token, "k2"), "203.0.113.7");
  expect_refused(unmasker->unmask(token, "k9"), "the keyring has no key 'k9'");
  for (const char* none : {"", "Ann Smith", "K1", "1"}) {
    const auto refused = unmasker->unmask(token, none);
    expect_refused(refused, "no id of a key");
    EXPECT_EQ(refused.error().text().find("Ann"), std::string::npos);
  }
}

TEST(unmask, of_sealed_and_fernet_tokens_refuses_each_change) {
  const Keyring ring = keyring();
  for (const char* function : {"mask_seal", "mask_fernet"}) {
    const bool seal = std::string_view(function) == "mask_seal";
    std::string token;
    ASSERT_EQ(make(function, ring, {})->mask("hello", token), nullptr);
    ASSERT_EQ(unmasked(ring, function, {}, token), "hello");
    for (std::size_t at = seal ? 3 : 0; at < token.size(); ++at) {
      std::string changed = token;
      changed[at] = token[at] == 'A' ? 'B' : 'A';
      EXPECT_FALSE(unmasked(ring, function, {}, changed).has_value()) << function << ' ' << at;
      changed[at] = '*';
      expect_refused(unmasked(ring, function, {}, changed), "not a token");
    }
    expect_refused(unmasked(ring, function, {"other"}, token), "not made by");
    expect_refused(unmasked(ring, function, {}, token.substr(0, 20)), "not a token");
    expect_refused(unmasked(ring, function, {}, ""), "not a token");
  }
  std::string token;
  ASSERT_EQ(make("mask_seal", ring, {})->mask("hello", token), nullptr);
  expect_refused(unmasked(ring, "mask_seal", {}, "k9" + token.substr(2)), "'k9'");
  expect_refused(unmasked(ring, "mask_seal", {}, "k2" + token.substr(2)), "'k2'");
  expect_refused(unmasked(ring, "mask_hmac", {"d"}, token), "cannot be undone");
}

TEST(masks, none_allocates_for_a_value) {
  ASSERT_TRUE(openssl_allocations_count());
  const Keyring ring = keyring();
  const std::vector<std::tuple<const char*, MaskArguments, std::vector<std::string>>> masks = {
      {"mask_ip", {}, {"203.0.113.7", "2001:db8::1", "no address"}},
      {"mask_ip_prefix", {}, {"203.0.113.7", "2001:db8::1", "no address"}},
      {"mask_fpe", {"digits", "-"}, {"593-47-5928", std::string(200, '7'), "x", "1"}},
      {"mask_fpe", {"ipv4"}, {"203.0.113.7", "::1"}},
      {"mask_fernet", {}, {"", "203.0.113.7", std::string(100, 'x'), "\xff"}},
      {"mask_seal", {}, {"", "203.0.113.7", std::string(100, 'x'), "\xff"}},
      {"mask_date_shift", {}, {"2026-01-31\tu1", "x"}},
      {"mask_sha256", {"s"}, {"", "203.0.113.7", "\xff"}},
      {"mask_partial", {"1", "2"}, {"", "Ame\xcc\x81lie", "\xff"}},
      {"mask_redact", {}, {"x"}},
      {"mask_truncate_ip", {"24"}, {"203.0.113.7", "2001:db8::1", "x"}},
      {"mask_email", {}, {"Ann@Example.COM", "x"}},
  };
  for (const auto& [function, arguments, texts] : masks) {
    const auto mask = make(function, ring, arguments);
    const bool recoverable = (*find_mask(function))->recoverable();
    std::string token;
    std::string back;
    const auto all = [&] {
      for (const std::string& text : texts) {
        if (mask->mask(text, token) == nullptr && recoverable) mask->unmask(token, back);
      }
    };
    all();  // grows what is kept
    const long before = allocations();
    for (int i = 0; i < 1000; ++i) all();
    EXPECT_EQ(allocations() - before, 0) << function;
  }
}

}  // namespace
}  // namespace sluice::mask
