#include "sluice/mask/canonical.hpp"

#include <arpa/inet.h>

#include <random>

#include "sluice/mask/fixture.hpp"
#include "sluice/mask/ip_address.hpp"

namespace sluice::mask {
namespace {

// The canonical bytes as text, or "refused: why".
std::string canonical_text(Form form, std::string_view value) {
  std::string bytes = "left over";
  if (const char* refusal = canonicalize(form, value, bytes)) {
    EXPECT_EQ(bytes, "");
    return std::string("refused: ") + refusal;
  }
  std::string text;
  EXPECT_TRUE(readable(form, bytes, text));
  return text;
}

TEST(forms, have_names_and_domains_are_named_after_them) {
  for (const Form form : {Form::text, Form::ip, Form::device, Form::email}) {
    EXPECT_EQ(parse_form(to_string(form)), form);
    EXPECT_EQ(form_of_domain(to_string(form)), form);
  }
  EXPECT_EQ(parse_form("phone"), std::nullopt);
  EXPECT_EQ(form_of_domain("phone"), Form::text);
  EXPECT_EQ(form_of_domain("IP"), Form::text);
}

TEST(canonical_ip, ipv4_is_four_decimal_numbers) {
  const auto ip = [](std::string_view text) { return canonical_text(Form::ip, text); };
  EXPECT_EQ(ip("203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(ip("0.0.0.0"), "0.0.0.0");
  EXPECT_EQ(ip("255.255.255.255"), "255.255.255.255");
  EXPECT_EQ(ip(" \t203.0.113.7\r\n"), "203.0.113.7");
  EXPECT_EQ(ip("010.001.000.009"), "10.1.0.9");  // not octal
  for (const char* wrong : {"",
                            " ",
                            "1.2.3",
                            "1.2.3.4.5",
                            "256.1.1.1",
                            "1.2.3.256",
                            "1.2.3.",
                            ".1.2.3",
                            "1..2.3",
                            "1.2.3.0004",
                            "1.2.3.4/24",
                            "1.2.3.4:80",
                            "1.2.3.-4",
                            "+1.2.3.4",
                            "1.2.3.a",
                            "0x1.2.3.4",
                            "1,2,3,4",
                            "16909060",
                            "1.2.3. 4",
                            "١.2.3.4",
                            "1.2.3.4%eth0",
                            "localhost",
                            "1.2.3.4444444444444444444444"}) {
    EXPECT_EQ(ip(wrong), "refused: invalid_ip") << wrong;
  }
  EXPECT_EQ(ip(std::string_view("1.2.3.4\0", 8)), "refused: invalid_ip");
}

// https://www.rfc-editor.org/rfc/rfc5952, sections 4 and 5
TEST(canonical_ip, ipv6_comes_back_as_rfc_5952_writes_it) {
  const auto ip = [](std::string_view text) { return canonical_text(Form::ip, text); };
  EXPECT_EQ(ip("2001:0DB8::0001"), "2001:db8::1");
  EXPECT_EQ(ip("2001:db8:0:0:0:0:2:1"), "2001:db8::2:1");
  EXPECT_EQ(ip("2001:db8::1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
  EXPECT_EQ(ip("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1");
  EXPECT_EQ(ip("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
  EXPECT_EQ(ip("::"), "::");
  EXPECT_EQ(ip("::1"), "::1");
  EXPECT_EQ(ip("1::"), "1::");
  EXPECT_EQ(ip("0:0:0:0:0:0:0:1"), "::1");
  EXPECT_EQ(ip("::ffff:192.0.2.33"), "192.0.2.33");
  EXPECT_EQ(ip("::ffff:c000:221"), "192.0.2.33");
  EXPECT_EQ(ip("::192.0.2.33"), "::c000:221");  // not IPv4-mapped: another address than 192.0.2.33
  EXPECT_EQ(ip("64:ff9b::192.0.2.33"), "64:ff9b::c000:221");
  EXPECT_EQ(ip("1:2:3:4:5:6:1.2.3.4"), "1:2:3:4:5:6:102:304");
  for (const char* wrong : {":",
                            ":::",
                            "1:2:3:4:5:6:7",
                            "1:2:3:4:5:6:7:8:9",
                            "1::2::3",
                            "12345::",
                            "g::1",
                            "fe80::1%eth0",
                            "[::1]",
                            "::1/64",
                            "1:2:3:4:5:6:7:",
                            ":1:2:3:4:5:6:7",
                            "::1.2.3.4.5",
                            "::1.2.3.256",
                            "1:2:3:4:5:6:7:1.2.3.4",
                            "1.2.3.4::",
                            "1:2:3:4:5:6:7:8::",
                            "::1:2:3:4:5:6:7:8",
                            "1:2:3:4::5:6:7:8",
                            "::-1",
                            "::1 2"}) {
    EXPECT_EQ(ip(wrong), "refused: invalid_ip") << wrong;
  }
}

TEST(canonical_ip, reads_and_writes_as_the_system_does) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    IpBytes bytes{};
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random() % 3 == 0 ? random() : 0);
    char system_text[INET6_ADDRSTRLEN];
    ASSERT_NE(inet_ntop(AF_INET6, bytes.data(), system_text, sizeof system_text), nullptr);
    IpBytes read{};
    ASSERT_TRUE(parse_ip(system_text, read)) << system_text;
    ASSERT_EQ(read, bytes) << system_text;
    std::string text;
    append_ip(bytes, text);
    ASSERT_TRUE(parse_ip(text, read)) << text;
    ASSERT_EQ(read, bytes) << text;
    // glibc writes some addresses with dots; otherwise the texts are the same.
    if (std::string_view(system_text).find('.') == std::string_view::npos) {
      ASSERT_EQ(text, system_text);
    }
  }
}

TEST(canonical_ip, what_is_accepted_is_what_the_system_accepts) {
  std::mt19937_64 random(2);
  constexpr std::string_view alphabet = "0123456789af::::...";
  int accepted = 0;
  for (int i = 0; i < 300'000; ++i) {
    std::string text(2 + random() % 12, ' ');
    for (char& c : text) c = alphabet[random() % alphabet.size()];
    IpBytes system{};
    IpBytes read{};
    const bool v6 = text.find(':') != std::string::npos;
    if (!v6) continue;  // leading zeros: ours alone
    const bool wanted = inet_pton(AF_INET6, text.c_str(), system.data()) == 1;
    if (!wanted && text.find(".0") != std::string::npos) continue;
    if (!wanted && text.find(":0") != std::string::npos && text.find('.') != std::string::npos) continue;
    ASSERT_EQ(parse_ip(text, read), wanted) << text;
    if (wanted) {
      ++accepted;
      ASSERT_EQ(read, system) << text;
    }
  }
  EXPECT_GT(accepted, 1000);
}

TEST(canonical_device, hex_ids_are_in_lower_case_and_other_ids_as_they_stand) {
  const auto device = [](std::string_view text) { return canonical_text(Form::device, text); };
  EXPECT_EQ(device("593-47-5928"), "593-47-5928");
  EXPECT_EQ(device("F0:0D:CA:FE:00:01"), "f0:0d:ca:fe:00:01");
  EXPECT_EQ(device(" 6D92078A-8246-4BA4-AE5B-76104861E7DC "), "6d92078a-8246-4ba4-ae5b-76104861e7dc");
  EXPECT_EQ(device("00a0.C914.c829"), "00a0.c914.c829");
  EXPECT_EQ(device("SM-G960F"), "SM-G960F");
  EXPECT_EQ(device("ABCDEFG"), "ABCDEFG");
  EXPECT_EQ(device("Ger\xc3\xa4t"), "Ger\xc3\xa4t");
  EXPECT_EQ(device(""), "");
}

TEST(canonical_email, only_the_domain_is_brought_to_lower_case) {
  const auto email = [](std::string_view text) { return canonical_text(Form::email, text); };
  EXPECT_EQ(email(" Ann.Lee@Example.COM "), "Ann.Lee@example.com");
  EXPECT_EQ(email("ann@localhost"), "ann@localhost");
  EXPECT_EQ(email("ann@B\xc3\x9c"
                  "CHER.example"),
            "ann@b\xc3\xbc"
            "cher.example");
  EXPECT_EQ(email("ann@BU\xcc\x88"
                  "CHER.example"),
            "ann@b\xc3\xbc"
            "cher.example");
  EXPECT_EQ(email("\xc3\x89MILE@Example.com"), "\xc3\x89MILE@example.com");
  for (const char* wrong :
       {"", "@", "ann", "ann@", "@example.com", "a@b@c", "\"a@b\"@c", "ann lee@example.com", "ann@exa\tmple"}) {
    EXPECT_EQ(email(wrong), "refused: invalid_email") << wrong;
  }
}

// https://www.unicode.org/reports/tr15/, figures 3 to 6
TEST(canonical_text, is_unicode_nfc) {
  const auto text = [](std::string_view value) { return canonical_text(Form::text, value); };
  EXPECT_EQ(text("Am\xc3\xa9lie"), "Am\xc3\xa9lie");
  EXPECT_EQ(text("Ame\xcc\x81lie"), "Am\xc3\xa9lie");
  EXPECT_EQ(text("\xe2\x84\xab"), "\xc3\x85");                              // angstrom sign
  EXPECT_EQ(text("\xe2\x84\xaa"), "K");                                     // kelvin sign
  EXPECT_EQ(text("\xef\xac\x81"), "\xef\xac\x81");                          // the ligature fi stays
  EXPECT_EQ(text("s\xcc\x87\xcc\xa3"), "\xe1\xb9\xa9");                     // marks out of order
  EXPECT_EQ(text("\xe1\xb8\x8b\xcc\xa3"), "\xe1\xb8\x8d\xcc\x87");          // one composes, one stays
  EXPECT_EQ(text("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab"), "\xed\x95\x9c");  // Hangul
  EXPECT_EQ(text("\xe0\xa5\x98"), "\xe0\xa4\x95\xe0\xa4\xbc");              // an excluded composition
  EXPECT_EQ(text("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80");
  EXPECT_EQ(text("\xe1\xbe\x82"), "\xe1\xbe\x82");  // decomposes into four
}

TEST(canonical_text, surrounding_ascii_space_is_dropped_and_nothing_else) {
  const auto text = [](std::string_view value) { return canonical_text(Form::text, value); };
  EXPECT_EQ(text(" \t\r\n\v\fa  b "), "a  b");
  EXPECT_EQ(text("  "), "");
  EXPECT_EQ(text("\xc2\xa0"
                 "a"),
            "\xc2\xa0"
            "a");
  EXPECT_EQ(text(std::string_view("a\0b", 3)), std::string_view("a\0b", 3));
}

TEST(canonical_text, what_is_not_utf8_is_refused) {
  for (const char* wrong : {"\xff", "a\x80", "\xc3", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                            "\xf8\x88\x80\x80\x80", "good until here \xe2\x82"}) {
    for (const Form form : {Form::text, Form::device, Form::email}) {
      EXPECT_EQ(canonical_text(form, wrong), "refused: not_utf8");
    }
  }
}

TEST(canonical_text, a_million_marks_on_one_letter_are_refused_at_once) {
  std::string value = "a";
  for (int i = 0; i < 500'000; ++i) value += i % 2 == 0 ? "\xcc\x81" : "\xcc\xa3";
  EXPECT_EQ(canonical_text(Form::text, value), "refused: too_many_marks");
  EXPECT_EQ(canonical_text(Form::text, value.substr(0, 1 + 2 * 128)).substr(0, 9),
            "\xe1\xba\xa1"
            "\xcc\xa3\xcc\xa3\xcc\xa3");
}

TEST(canonical, of_a_canonical_value_is_itself) {
  std::mt19937_64 random(3);
  const auto code_point = [&] {
    switch (random() % 5) {
      case 0: return static_cast<char32_t>(' ' + random() % 95);
      case 1: return static_cast<char32_t>(0xc0 + random() % 0x240);
      case 2: return static_cast<char32_t>(0x300 + random() % 0x70);
      case 3: return static_cast<char32_t>(0x1e00 + random() % 0x200);
      default: return static_cast<char32_t>(0x900 + random() % 0x4000);
    }
  };
  for (const Form form : {Form::text, Form::device, Form::email}) {
    for (int i = 0; i < 20'000; ++i) {
      std::string value = form == Form::email ? "a@b" : "";
      for (std::uint64_t length = random() % 12; length > 0; --length) {
        const char32_t c = code_point();
        if (c < 0x80) {
          value += static_cast<char>(c);
        } else if (c < 0x800) {
          value += {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
        } else {
          value += {static_cast<char>(0xe0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
                    static_cast<char>(0x80 | (c & 63))};
        }
      }
      std::string once;
      if (!canonical(form, value, once)) continue;
      ASSERT_EQ(canonical_text(form, once), once) << to_hex(value);
    }
  }
}

TEST(readable, refuses_bytes_that_are_no_address) {
  std::string text = "left over";
  EXPECT_FALSE(readable(Form::ip, "four", text));
  EXPECT_EQ(text, "");
}

}  // namespace
}  // namespace sluice::mask
