// Values told by how they are written. Each takes a value without space around it.
#pragma once

#include <string_view>

namespace sluice::scan {

bool is_ipv4(std::string_view text);  // also with a port behind it
bool is_ipv6(std::string_view text);
bool is_email(std::string_view text);
bool is_mac(std::string_view text);  // 12 hex digits in groups of two by : or -, of four by .
bool is_uuid(std::string_view text);
// With a + in front, or with brackets, blanks or dashes as telephone numbers have them.
bool is_written_phone(std::string_view text);
// 7 to 15 digits, whatever is between: only a header can make a telephone number of it.
bool is_phone_digits(std::string_view text);
bool is_dashed_ssn(std::string_view text);
// Two numbers with at least three digits after the point, as degrees: "59.4370, 24.7536", "POINT(24.7536 59.4370)".
bool is_coordinates(std::string_view text);
bool is_degrees(std::string_view text);     // one number of -180 to 180 with at least three digits after the point
bool is_birth_date(std::string_view text);  // a date of the years 1900 to 2029, also with a time behind it
bool is_old_date(std::string_view text);    // the same of the years 1925 to 1989
// A private key, a password's hash, or a token of one of the kinds that begin with their issuer's mark.
bool is_marked_secret(std::string_view text);
bool is_some_secret(std::string_view text);  // what could be a password or a token, by a header that says so
bool is_some_phrase(std::string_view text);  // the same of several words: a passphrase, the cookies of a request
bool is_some_name(std::string_view text);    // words of letters, the first a capital
bool is_full_name(std::string_view text);    // two to four of them, each a capital first
bool is_some_street(std::string_view text);  // letters and a blank or a number
bool is_some_id(std::string_view text);      // 6 to 64 letters, digits, - _ : .

}  // namespace sluice::scan
