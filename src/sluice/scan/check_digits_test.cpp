// Numbers of published documentation: test cards, examples of standards and of authorities. None belongs to a person.
#include "sluice/scan/check_digits.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "sluice/scan/shapes.hpp"

namespace sluice::scan {
namespace {

using Check = std::function<bool(std::string_view)>;

void expect_all(const Check& check, const std::vector<std::string>& values) {
  for (const std::string& value : values) EXPECT_TRUE(check(value)) << value;
}
void expect_none(const Check& check, const std::vector<std::string>& values) {
  for (const std::string& value : values) EXPECT_FALSE(check(value)) << value;
}

// No other digit than the right one may pass at the end of `value`.
void expect_only_last_digit(const Check& check, std::string value) {
  const char right = value.back();
  for (char c = '0'; c <= '9'; ++c) {
    value.back() = c;
    EXPECT_EQ(check(value), c == right) << value;
  }
}

TEST(CheckDigits, luhn_is_that_of_iso_7812) {
  expect_all(is_luhn, {"79927398713", "0", "18"});
  expect_only_last_digit(is_luhn, "79927398713");
  expect_none(is_luhn, {"", "7992739871x"});
}

TEST(CheckDigits, cards_are_those_of_the_networks_test_numbers) {
  expect_all(is_card,
             {"4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "4222222222222", "5555555555554444",
              "5105105105105100", "2223003122003222", "378282246310005", "3782 822463 10005", "6011111111111117",
              "3530111333300000", "30569309025904", "6200000000000005", "6304000000000000"});
  expect_only_last_digit(is_card, "4111111111111111");
  expect_none(is_card, {"", "4111111111111112", "4111  1111 1111 1111", " 4111111111111111", "4111-1111-1111-1111-",
                        "9111111111111119", "411111111111111111111111111111111111111111111111", "41111111111111x1",
                        "0000000000000000"});
}

TEST(CheckDigits, ibans_are_those_of_the_registry) {
  expect_all(is_iban, {"GB82 WEST 1234 5698 7654 32", "GB82WEST12345698765432", "gb82west12345698765432",
                       "DE89370400440532013000", "EE382200221020145685", "FI2112345600000785",
                       "SE4550000000058398257466", "NO9386011117947", "MT84MALT011000012345MTLCAST001S"});
  expect_none(is_iban, {"", "GB83WEST12345698765432", "DE8937040044053201300", "DE893704004405320130000",
                        "8289370400440532013000", "EE38 2200 2210 2014 5686", "GB82-WEST-1234-5698-7654-32"});
}

TEST(CheckDigits, imei_ends_in_its_luhn_digit) {
  expect_all(is_imei, {"490154203237518", "49-015420-323751-8"});
  expect_none(is_imei, {"490154203237519", "49015420323751", ""});
}

TEST(CheckDigits, ssn_leaves_out_what_was_never_given) {
  expect_all(is_ssn, {"078-05-1120", "219-09-9999", "078051120"});
  expect_none(is_ssn, {"000-05-1120", "666-05-1120", "900-05-1120", "078-00-1120", "078-05-0000", "078 05 1120",
                       "07-805-1120", "078-05-112x", ""});
}

TEST(CheckDigits, isikukood_takes_both_steps_of_modulo_11) {
  // 60001019906 and the like are the test persons of Mobile-ID and Smart-ID.
  expect_all(is_isikukood, {"37605030299", "60001019906", "30303039914", "30303039903", "38001085718", "10101010005"});
  expect_only_last_digit(is_isikukood, "37605030299");
  expect_none(is_isikukood, {"97605030299", "37613030299", "37602300299", "3760503029", "", "3760503029a"});
}

TEST(CheckDigits, hetu_takes_every_sign_of_a_century) {
  expect_all(is_hetu, {"131052-308T", "131052Y308T", "131052+308T", "010101A123N", "010101F123N"});
  expect_none(is_hetu, {"131052-308U", "131052-308t", "131352-308T", "310252-308T", "131052G308T", "131052308T", ""});
}

TEST(CheckDigits, personnummer_is_written_with_ten_or_twelve_digits) {
  expect_all(is_personnummer, {"811228-9874", "8112289874", "19811228-9874", "198112289874", "670919-9530",
                               "640823-3234", "701063-2391", "640823+3234"});
  expect_only_last_digit(is_personnummer, "811228-9874");
  expect_none(is_personnummer, {"811328-9874", "811228-987", "17811228-9874", "8112-289874", "", "811228-98745"});
}

TEST(CheckDigits, steuer_id_repeats_one_digit) {
  expect_all(is_steuer_id, {"86095742719", "86 095 742 719", "47036892816", "65929970489"});
  expect_only_last_digit(is_steuer_id, "86095742719");
  expect_none(is_steuer_id, {"06095742719", "12345678903", "11123456789", "8609574271", ""});
}

TEST(Shapes, addresses_of_the_network) {
  expect_all(is_ipv4, {"192.0.2.1", "192.0.2.1:443", "8.8.8.8"});
  expect_none(is_ipv4, {"999.1.1.1", "1.2.3", "1.2.3.4.5", "1.2.3.4:", "1.2.3.4:x", "::1", ""});
  expect_all(is_ipv6, {"2001:db8::1", "::1", "fe80:0:0:0:1:2:3:4", "::ffff:192.0.2.1"});
  expect_none(is_ipv6, {"12:34:56", "00:00:5e:00:53:01", "192.0.2.1", "::g"});
  expect_all(is_mac, {"00:00:5e:00:53:01", "00-00-5E-00-53-01", "0000.5e00.5301"});
  expect_none(is_mac, {"00:00:5e:00:53", "00:00-5e:00:53:01", "00005e005301", "00:00:5e:00:53:0g"});
  expect_all(is_uuid, {"f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}"});
  expect_none(is_uuid, {"f81d4fae7dec11d0a76500a0c91e6bf6", "f81d4fae-7dec-11d0-a765-00a0c91e6bfg"});
}

TEST(Shapes, e_mail_addresses) {
  expect_all(is_email,
             {"ann@example.com", "ann.o'hara+x@mail.example.co.uk", "mailto:ann@example.com", "jürgen@bücher.example"});
  expect_none(is_email, {"ann@example", "@example.com", "ann@", "a@b@example.com", "ann @example.com",
                         "ann@example..com", "ann@192.0.2.1", "git@-x.example", "ann.@example.com"});
}

TEST(Shapes, telephone_numbers_are_told_from_plain_digits) {
  expect_all(is_written_phone, {"+372 5123 4567", "+3725123456", "(555) 010-0123", "555-010-0123", "044 123 4567",
                                "08-123 456 78", "tel:+1-201-555-0123", "555-010-0123 x12"});
  expect_none(is_written_phone, {"5550100123", "2024-01-31", "078-05-1120", "10.0.0.1", "1.2345678", "12-34", ""});
  expect_all(is_phone_digits, {"5550100123", "0441234567"});
  expect_none(is_phone_digits, {"20240131", "123456", "1234567890123456", "555010012a"});
}

TEST(Shapes, places_and_dates) {
  expect_all(is_coordinates, {"59.4370, 24.7536", "59.4370,24.7536", "-33.8688 151.2093", "POINT(24.7536 59.4370)",
                              "geo:59.4370,24.7536", "(59.4370, 24.7536)", "[59.4370,24.7536]"});
  expect_none(is_coordinates, {"59.4, 24.7", "95.4370, 24.7536", "59.4370", "59.437024.7536", "59.4370, 24.7536, 1"});
  expect_all(is_birth_date, {"1985-03-12", "12.03.1985", "03/25/1985", "19850312", "1985-03-12T00:00:00Z"});
  expect_none(is_birth_date, {"1985-13-12", "1885-03-12", "31.02.1985", "1985-03", "1985-03-1234", "12345678"});
  EXPECT_FALSE(is_old_date("1970-01-01T00:00:00Z")) << "the epoch is nobody's birthday";
}

TEST(Shapes, secrets_that_carry_a_mark) {
  expect_all(is_marked_secret,
             {"-----BEGIN RSA PRIVATE KEY-----\nMIIE", "AKIAIOSFODNN7EXAMPLE",
              "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", "Bearer abcdefgh12345678",
              "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub"});
  expect_none(is_marked_secret, {"-----BEGIN CERTIFICATE-----", "AKIA", "eyJ", "Bearer", "$2.50", "hello"});
}

}  // namespace
}  // namespace sluice::scan
