#include "sluice/scan/detectors.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "sluice/scan/check_digits.hpp"
#include "sluice/scan/shapes.hpp"

namespace sluice::scan {
namespace {

// The figures are judgements, tuned on the labelled set (docs/scan.md has what came out).
constexpr std::array table{
    Detector{"secret", "secret", is_marked_secret, 0.97, 0.99, 0, 0.05, true,
             "secret token key password private_key authorization", ""},
    Detector{"e-mail address", "email", is_email, 0.98, 0.99, 0, 0.08, true,
             "email e_mail mail epost e_post meiliaadress sahkoposti sähköposti mejl", ""},
    Detector{"IBAN", "iban", is_iban, 0.98, 0.99, 0.01, 0.2, true,
             "iban bank_account account_no account_number konto kontonummer arveldusarve tilinumero", ""},
    Detector{
        "payment card", "card", is_card, 0.95, 0.99, 0.04, 0.3, true,
        "card card_no card_number cardnumber credit_card creditcard pan cc_number kaardinumber korttinumero kortnummer "
        "kartennummer kreditkarte",
        "imei ean isbn barcode sku serial"},
    Detector{"Finnish personal code", "national_id", is_hetu, 0.97, 0.99, 0.005, 0.2, true,
             "hetu henkilotunnus henkilötunnus personal_code", ""},
    Detector{"Estonian personal code", "national_id", is_isikukood, 0.95, 0.99, 0.01, 0.3, true,
             "isikukood personal_code ik personal_id national_id", ""},
    Detector{"Swedish personal number", "national_id", is_personnummer, 0.92, 0.99, 0.02, 0.3, false,
             "personnummer personnr pnr samordningsnummer personal_number national_id", ""},
    Detector{"German tax id", "national_id", is_steuer_id, 0.93, 0.99, 0.02, 0.3, false,
             "steuer_id steuerid steuer_idnr idnr tin tax_id steueridentifikationsnummer", ""},
    Detector{"US social security number", "national_id", is_dashed_ssn, 0.93, 0.99, 0.01, 0.3, true,
             "ssn social_security social_security_number socialsecurity",
             "device deviceid idfa gaid installation imei"},
    Detector{"US social security number", "national_id", is_ssn, 0.3, 0.93, 0.5, 0.8, false,
             "ssn social_security social_security_number socialsecurity", ""},
    Detector{"IPv6 address", "ip", is_ipv6, 0.97, 0.99, 0, 0.2, true,
             "ip ip_address ipaddress ipv6 client_ip remote_addr ip_aadress", ""},
    Detector{"IPv4 address", "ip", is_ipv4, 0.93, 0.99, 0, 0.2, true,
             "ip ip_address ipaddress ipv4 client_ip remote_addr x_forwarded_for ip_aadress host",
             "version ver release build firmware revision"},
    Detector{"MAC address", "device", is_mac, 0.96, 0.99, 0, 0.2, true, "mac mac_address macaddr hwaddr bssid", ""},
    Detector{"telephone number", "phone", is_written_phone, 0.88, 0.98, 0.02, 0.3, true,
             "phone telephone tel mobile cell cellphone fax msisdn telefon mobiil puhelin puhelinnumero matkapuhelin "
             "telefonnummer mobilnummer handy rufnummer",
             "order invoice id sku part account"},
    Detector{"telephone number", "phone", is_phone_digits, 0.25, 0.93, 0.5, 0.8, false,
             "phone telephone tel mobile cell cellphone fax msisdn telefon mobiil puhelin puhelinnumero matkapuhelin "
             "telefonnummer mobilnummer handy rufnummer",
             "count type model os"},
    Detector{"coordinates", "location", is_coordinates, 0.9, 0.98, 0, 0.3, true,
             "coordinates coords latlon latlng lat_lon lat_lng position geo location gps koordinaadid koordinaatit",
             ""},
    Detector{
        "coordinates", "location", is_degrees, 0.2, 0.93, 0.3, 0.8, false,
        "lat latitude lon lng long longitude gps laiuskraad pikkuskraad laius leveysaste pituusaste latitud longitud "
        "breitengrad laengengrad längengrad",
        ""},
    Detector{"birth date", "birth_date", is_birth_date, 0.1, 0.96, 0.2, 0.8, false,
             "birth birthday birthdate birth_date date_of_birth dob born bday synniaeg sünniaeg sunniaeg sünnipäev "
             "syntymaaika syntymäaika fodelsedatum födelsedatum geburtsdatum geburtstag geb_datum",
             "birth_place place"},
    Detector{"birth date", "birth_date", is_old_date, 0.6, 0.96, 0.1, 0.45, false, "", ""},
    Detector{"device id", "device", is_imei, 0.7, 0.97, 0.1, 0.8, false, "imei device", ""},
    Detector{"device id", "device", is_some_id, 0, 0.85, 0, 0.5, false,
             "device_id deviceid udid idfa idfv gaid aaid advertising_id installation_id install_id android_id imei "
             "seadme_id laite_id geraete_id",
             "type model"},
    Detector{
        "secret", "secret", is_some_secret, 0, 0.85, 0, 0.4, false,
        "password passwd pwd pw passphrase secret token api_key apikey access_key private_key credential auth_token "
        "session_token refresh_token cookie parool salasana losenord lösenord passwort kennwort",
        "type count expires expiry at hint policy consent banner"},
    Detector{"secret", "secret", is_some_phrase, 0, 0.85, 0, 0.4, false, "passphrase cookie",
             "type count expires expiry at hint policy consent banner"},
    Detector{
        "name of a person", "name", is_some_name, 0, 0.93, 0, 0.5, false,
        "first_name firstname last_name lastname surname given_name family_name middle_name maiden_name full_name "
        "fullname customer_name contact_name employee_name patient_name cardholder card_holder person eesnimi perenimi "
        "perekonnanimi täisnimi taisnimi etunimi sukunimi koko_nimi fornamn förnamn efternamn vorname nachname "
        "familienname",
        "company product file"},
    Detector{"name of a person", "name", is_full_name, 0.1, 0.6, 0, 0.7, false,
             "name nimi namn customer author owner holder",
             "company product file city country brand event host item category street course job"},
    Detector{
        "postal address", "address", is_some_street, 0, 0.88, 0, 0.6, false,
        "address address1 street street_address addr address_line postal_address home_address aadress kodune_aadress "
        "osoite katuosoite adress gatuadress adresse strasse straße anschrift",
        "ip mac email e_mail web url host memory"},
    Detector{"UUID", "", is_uuid, 0.95, 0.95, 0, 0.5, false, "", ""},
};

// Lower case where it is ASCII, and the few letters beyond it that the words above have in capitals.
void append_lower(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    // UTF-8 of U+00C0 to U+00DE, capitals, is that of their small letters but for one bit.
    const bool capital = i > 0 && text[i - 1] == '\xC3' && static_cast<unsigned char>(c) >= 0x80 &&
                         static_cast<unsigned char>(c) <= 0x9E;
    out += capital ? static_cast<char>(static_cast<unsigned char>(c) | 0x20U) : c;
  }
}

// The words of a column's name with a _ before and after each: "customerEmail 2" is "_customer_email_2_".
std::string words_of(std::string_view column) {
  std::string split;
  for (std::size_t i = 0; i < column.size(); ++i) {
    const char c = column[i];
    const auto upper = [&](std::size_t at) { return column[at] >= 'A' && column[at] <= 'Z'; };
    const auto lower = [&](std::size_t at) { return column[at] >= 'a' && column[at] <= 'z'; };
    const bool letter = upper(i) || lower(i) || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
    // userEmail, and the last capital of IPAddress
    const bool begins = i > 0 && upper(i) && (lower(i - 1) || (upper(i - 1) && i + 1 < column.size() && lower(i + 1)));
    if (begins && split.back() != '_') split += '_';
    if (letter) {
      split += c;
    } else if (!split.empty() && split.back() != '_') {
      split += '_';
    }
  }
  std::string out = "_";
  append_lower(out, split);
  if (out.back() != '_') out += '_';
  return out;
}

bool says(const std::string& words, std::string_view wanted) {
  const std::string whole = '_' + std::string(wanted) + '_';
  if (words.find(whole) != std::string::npos) return true;
  std::string plain(wanted);
  std::erase(plain, '_');
  if (plain.size() < 5) return false;
  // Written together (firstname), and as a part of a longer word (kundentelefon): short words would be found anywhere.
  return words.find('_' + plain) != std::string::npos || words.find(plain + '_') != std::string::npos;
}

}  // namespace

std::span<const Detector> detectors() { return table; }

bool has_word(std::string_view column, std::string_view words) {
  const std::string split = words_of(column);
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (end > 0 && says(split, words.substr(0, end))) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

}  // namespace sluice::scan
