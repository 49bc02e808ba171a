// Numbers that carry their own proof: whether the check digit is the one that the others demand.
//
// Each takes the number as people write it, with the separators that are usual for it, and nothing around it. True
// says that the number is well formed, not that it was ever given to anybody.
#pragma once

#include <string_view>

namespace sluice::scan {

// The last digit makes the sum of ISO/IEC 7812-1, annex B, a multiple of ten. Digits only.
bool is_luhn(std::string_view digits);

// 12 to 19 digits, in groups or not, of a range that a card network issues from.
bool is_card(std::string_view text);
// ISO 13616: the country's length where it is known, the remainder of 97.
bool is_iban(std::string_view text);
// 15 digits of a telephone, the last by Luhn.
bool is_imei(std::string_view text);

// US: AAA-GG-SSSS, or nine digits. It has no check digit; what was never given out is refused.
bool is_ssn(std::string_view text);
// Estonia, isikukood: GYYMMDDSSSC, modulo 11 in two steps.
bool is_isikukood(std::string_view text);
// Finland, henkilötunnus: DDMMYY, a sign for the century, NNN and a letter or digit by modulo 31.
bool is_hetu(std::string_view text);
// Sweden, personnummer or samordningsnummer (its day has 60 added): [YY]YYMMDD[-+]NNNC.
bool is_personnummer(std::string_view text);
// Germany, Steuer-ID: 11 digits, one of the first ten twice or thrice, ISO 7064 modulo 11, 10.
bool is_steuer_id(std::string_view text);

bool is_date(int year, int month, int day);

}  // namespace sluice::scan
