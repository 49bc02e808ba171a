#include "sluice/scan/labelled_kinds.hpp"

#include <array>
#include <cstdio>
#include <utility>

namespace sluice::scan {
namespace {

template <class... Values>
std::string text(const char* format, Values... values) {
  std::array<char, 256> out{};
  std::snprintf(out.data(), out.size(), format, values...);
  return out.data();
}

constexpr std::string_view hex = "0123456789abcdef";
constexpr std::string_view alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view first_names =
    "Mari|Jaan|Anna|Kalle|Åsa|Björn|Jürgen|Lena|John|Mary|Peter|Olga|José|Aino|Väinö|Tiit|Liisa|Erik|Sofia|Emma|Noah|"
    "Fatima|Wei|Priya|Anne-Marie|Karl|Õie|Ülle|Hans|Greta|Oliver|Mia";
constexpr std::string_view last_names =
    "Tamm|Saar|Korhonen|Virtanen|Andersson|Johansson|Müller|Schmidt|Smith|O'Brien|García|van Dijk|Kask|Mägi|Nguyen|"
    "Ivanova|Laine|Lindström|Weber|Jones|Brown|Öberg|Põld|Rebane|Schäfer|Nielsen";
constexpr std::string_view cities =
    "Tallinn|Helsinki|Stockholm|Berlin|Boston|New York|Tartu|San Francisco|Göteborg|Turku";
constexpr std::string_view streets =
    "Pikk|Main Street|Storgatan|Hauptstraße|Mannerheimintie|Narva mnt|Elm Avenue|Ringvägen";
constexpr std::string_view nouns =
    "chair|table|lamp|router|coffee|shirt|engine|filter|cable|book|pump|screen|bottle|wheel|carpet|guitar";
constexpr std::string_view adjectives = "blue|small|steel|used|new|wooden|heavy|smart|green|classic|portable|double";

char luhn_digit(const std::string& body) {
  int sum = 0;
  bool twice = true;
  for (auto at = body.rbegin(); at != body.rend(); ++at, twice = !twice) {
    const int value = (*at - '0') * (twice ? 2 : 1);
    sum += value / 10 + value % 10;
  }
  return static_cast<char>('0' + (10 - sum % 10) % 10);
}
std::string date_text(Random& r, int from, int to, const char* format) {
  return text(format, r.between(from, to), r.between(1, 12), r.between(1, 28));
}
std::string card(Random& r, const std::string& separator) {
  std::string body = r.pick("4|51|55|37|6011|2221|36");
  const std::size_t length = body == "37" ? 14U : body == "36" ? 13U : 15U;
  body += r.digits(static_cast<int>(length - body.size()));
  body += luhn_digit(body);
  if (separator.empty()) return body;
  std::string out;
  for (std::size_t i = 0; i < body.size(); ++i) out += (i > 0 && i % 4 == 0 ? separator : "") + body[i];
  return out;
}
std::string iban(Random& r, bool grouped) {
  const std::string country = r.pick("EE16|FI14|DE18|SE20|NO11");
  const std::string body = r.digits(std::stoi(country.substr(2)));
  std::string whole = body;
  for (const char c : country.substr(0, 2)) whole += std::to_string(c - 'A' + 10);
  whole += "00";
  int remainder = 0;
  for (const char c : whole) remainder = (remainder * 10 + (c - '0')) % 97;
  const std::string plain = country.substr(0, 2) + text("%02d", 98 - remainder) + body;
  std::string out;
  for (std::size_t i = 0; i < plain.size(); ++i)
    out += (grouped && i > 0 && i % 4 == 0 ? " " : "") + plain.substr(i, 1);
  return out;
}
std::string isikukood(Random& r) {
  const bool recent = r.one_in(5);
  const std::string body =
      std::to_string(recent ? r.between(5, 6) : r.between(3, 4)) +
      text("%02d%02d%02d", recent ? r.between(0, 15) : r.between(35, 99), r.between(1, 12), r.between(1, 28)) +
      r.digits(3);
  for (const std::string_view weights : {"1234567891", "3456789123"}) {
    int sum = 0;
    for (std::size_t i = 0; i < 10; ++i) sum += (body[i] - '0') * (weights[i] - '0');
    if (sum % 11 < 10) return body + std::to_string(sum % 11);
  }
  return body + "0";
}
std::string hetu(Random& r) {
  const std::string date = text("%02d%02d%02d", r.between(1, 28), r.between(1, 12), r.between(0, 99));
  const std::string number = text("%03d", r.between(2, 899));
  const int remainder = std::stoi(date + number) % 31;
  return date + r.pick("-|-|A") + number +
         std::string("0123456789ABCDEFHJKLMNPRSTUVWXY").substr(static_cast<std::size_t>(remainder), 1);
}
std::string personnummer(Random& r, int style) {
  const int year = r.between(1935, 2012);
  const std::string body = text("%02d%02d%02d", year % 100, r.between(1, 12), r.between(1, 28)) + r.digits(3);
  const std::string century = style == 1 || style == 2 ? std::to_string(year / 100) : "";
  return century + body.substr(0, 6) + (style == 0 || style == 1 ? "-" : "") + body.substr(6) + luhn_digit(body);
}
std::string steuer_id(Random& r) {
  std::string body = "1234567890";
  do {
    for (std::size_t i = body.size() - 1; i > 0; --i) std::swap(body[i], body[r.next() % (i + 1)]);
  } while (body[0] == '0');
  const auto from = static_cast<std::size_t>(r.between(0, 9));
  auto to = static_cast<std::size_t>(r.between(1, 9));
  if (to == from) to = from == 9 ? 1 : from + 1;
  if (to != 0 && !(to == 0 && body[from] == '0')) body[to] = body[from];
  int product = 10;
  for (const char c : body) {
    int sum = (c - '0' + product) % 10;
    if (sum == 0) sum = 10;
    product = sum * 2 % 11;
  }
  return body + std::to_string((11 - product) % 10);
}
std::string email(Random& r) {
  return r.of("abcdefghijklmnoprstuv", r.between(2, 8)) + r.pick(".|_||+") + r.of("abcdefgh1234", r.between(1, 6)) +
         "@" + r.pick("example.com|example.org|mail.example.net|example.ee|post.example.co.uk");
}
std::string ipv4(Random& r) {
  return text("%d.%d.%d.%d", r.between(1, 223), r.between(0, 255), r.between(0, 255), r.between(1, 254));
}
std::string degrees(Random& r, int most, int places) {
  return text("%.*f", places, (static_cast<double>(r.next() % 2000001) / 1000000 - 1) * most);
}
std::string sentence(Random& r, const std::string& last) {
  std::string out = "the " + r.pick(adjectives) + " " + r.pick(nouns);
  for (int i = r.between(1, 6); i > 0; --i)
    out += " " +
           r.pick(
               "was|and|near|with|a|sold|broken|late|for|"
               "again") +
           " " + r.pick(nouns);
  return out + (last.empty() ? "" : ", " + r.pick("contact|see|from|reply to") + " " + last) + (r.one_in(2) ? "." : "");
}

const std::array table{
    KindRow{"e-mail address", "email", 8,
            "email|e_mail|userEmail|contact_mail|Email Address|login|epost|mailadresse|cust_eml",
            [](Random& r, int) { return email(r); }},
    KindRow{"IPv4 address", "ip", 6, "ip|ip_address|client_ip|remoteAddr|src_ip|ipaddr|peer|last_login_from",
            [](Random& r, int style) {
              return ipv4(r) + (style == 3 ? ":" + std::to_string(r.between(1024, 65535)) : "");
            }},
    KindRow{"IPv6 address", "ip", 3, "ip|ipv6|client_ip|remote_addr|address6",
            [](Random& r, int style) {
              return style == 0 ? "2001:db8::" + r.of(hex, 3) + "1"
                                : "2001:db8:" + r.of("123456789abcdef", 1) + r.of(hex, 3) +
                                      ":0:" + r.of("123456789", 3) + "::" + r.of("12345678", 2);
            }},
    KindRow{"telephone, written", "phone", 5,
            "phone|phone_number|mobile|Tel.|telefon|contact_no|gsm|puhelin|work_phone",
            [](Random& r, int style) {
              if (style == 0) return "+372 5" + r.digits(3) + " " + r.digits(4);
              if (style == 1) return "(" + r.pick("201|312|415") + ") 555-0" + r.digits(3);
              if (style == 2) return "+46" + r.digits(9);
              return "0" + r.digits(2) + "-" + r.digits(3) + " " + r.digits(2) + " " + r.digits(2);
            }},
    KindRow{"telephone, digits only", "phone", 4, "phone|mobile_number|telefon|tel|contact_no|msisdn|handynummer",
            [](Random& r, int style) {
              return (style == 0 ? "5" + r.digits(7) : r.pick("44|1|0|372") + "7" + r.digits(9));
            }},
    KindRow{"payment card", "card", 4, "card_number|cc|credit_card|pan|kaart|cardNo|payment_instrument",
            [](Random& r, int style) {
              return card(r, style == 1 ? " " : style == 2 ? "-" : "");
            }},
    KindRow{"IBAN", "iban", 3, "iban|account|bank_account|konto|saaja_konto|payout_to",
            [](Random& r, int style) { return iban(r, style == 1); }},
    KindRow{"US social security number", "national_id", 3, "ssn|social_security_no|SSN|taxpayer|socsec",
            [](Random& r, int style) {
              return style < 3 ? text("%03d-%02d-%04d", r.between(1, 665), r.between(1, 99), r.between(1, 9999))
                               : text("%03d%02d%04d", r.between(1, 665), r.between(1, 99), r.between(1, 9999));
            }},
    KindRow{"Estonian personal code", "national_id", 3, "isikukood|personal_code|ik|kood|patient",
            [](Random& r, int) { return isikukood(r); }},
    KindRow{"Finnish personal code", "national_id", 3, "hetu|henkilotunnus|tunnus|person",
            [](Random& r, int) { return hetu(r); }},
    KindRow{"Swedish personal number", "national_id", 3, "personnummer|pnr|person_nr|kund",
            [](Random& r, int style) { return personnummer(r, style); }},
    KindRow{"German tax id", "national_id", 3, "steuer_id|idnr|tax_id|steuernummer",
            [](Random& r, int) { return steuer_id(r); }},
    KindRow{"MAC address", "device", 3, "mac|mac_address|hw_addr|wifi|bssid",
            [](Random& r, int style) {
              std::string out;
              for (int i = 0; i < 6; ++i)
                out += (i > 0 ? (style == 1 ? "-" : ":") : "") + r.of(style == 1 ? "0123456789ABCDEF" : hex, 2);
              return out;
            }},
    KindRow{"device id", "device", 3, "device_id|deviceId|idfa|gaid|installation_id|handset",
            [](Random& r, int style) {
              if (style == 0) return r.of(hex, 16);
              if (style == 1)
                return r.of(hex, 8) + "-" + r.of(hex, 4) + "-4" + r.of(hex, 3) + "-a" + r.of(hex, 3) + "-" +
                       r.of(hex, 12);
              return r.digits(3) + "-" + r.digits(2) + "-" + r.digits(4);
            }},
    KindRow{"first or last name", "name", 6,
            "first_name|lastName|eesnimi|Nachname|förnamn|surname|sukunimi|fname|prenom",
            [](Random& r, int style) { return style < 2 ? r.pick(first_names) : r.pick(last_names); }},
    KindRow{"full name", "name", 5, "name|full_name|customer_name|contact|Kunde|cardholder|recipient|owner",
            [](Random& r, int style) {
              return style == 1 ? r.pick(last_names) + ", " + r.pick(first_names)
                                : r.pick(first_names) + " " + r.pick(last_names);
            }},
    KindRow{"postal address", "address", 4, "address|street|home_address|Straße|aadress|shipping_line1|delivery_to",
            [](Random& r, int style) {
              return r.pick(streets) + " " + std::to_string(r.between(1, 99)) +
                     (style == 0 ? ", " + r.pick(cities) : "");
            }},
    KindRow{"coordinates, a pair", "location", 3, "position|coords|location|latlng|where",
            [](Random& r, int style) {
              const std::string lat = degrees(r, 80, 5);
              const std::string lon = degrees(r, 179, 5);
              return style == 0 ? "POINT(" + lon + " " + lat + ")" : lat + (style == 1 ? "," : ", ") + lon;
            }},
    KindRow{"latitude or longitude", "location", 4, "lat|latitude|lng|longitude|gps_lat|y|geo_x",
            [](Random& r, int style) { return degrees(r, style % 2 == 0 ? 80 : 179, 6); }},
    KindRow{"birth date", "birth_date", 5, "birth_date|dob|dateOfBirth|synniaeg|Geburtsdatum|BIRTH_DT|geb|bday",
            [](Random& r, int style) {
              if (style == 1) return text("%02d.%02d.%04d", r.between(1, 28), r.between(1, 12), r.between(1935, 2012));
              return date_text(r, 1935, 2012, style == 2 ? "%04d%02d%02d" : "%04d-%02d-%02d");
            }},
    KindRow{"marked secret", "secret", 3, "token|credentials|authorization|config|aws_key",
            [](Random& r, int style) {
              if (style == 0) return "AKIA" + r.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16);
              if (style == 1) return "eyJ" + r.of(alnum, 20) + ".eyJ" + r.of(alnum, 40) + "." + r.of(alnum, 43);
              if (style == 2) return "ghp_" + r.of(alnum, 36);
              return std::string("-----BEGIN PRIVATE KEY-----\\n") + r.of(alnum, 60);
            }},
    KindRow{"password or token", "secret", 3, "password|api_key|session_token|pwd|client_secret|parool|access",
            [](Random& r, int style) {
              return style == 0 ? r.of(alnum, r.between(8, 14)) + r.pick("!|#|") : r.of(alnum, 32);
            }},
    KindRow{"text with e-mail addresses", "text", 3, "comment|message|note|description|body",
            [](Random& r, int) { return sentence(r, r.one_in(4) ? email(r) : ""); }},
    KindRow{"text with IP addresses", "text", 2, "log|message|detail|event",
            [](Random& r, int) { return sentence(r, r.one_in(3) ? ipv4(r) : ""); }},
    KindRow{"JSON with telephone numbers", "text", 2, "payload|attributes|extra|meta",
            [](Random& r, int) { return R"({"n": )" + r.digits(2) + R"(, "p": "+3725)" + r.digits(7) + R"("})"; }},

    KindRow{
        "number from a sequence", "", 8, "id|order_id|user_id|seq|row_number|version_id",
        [](Random& r, int style) {
          return std::to_string((style == 0 ? 1000000000LL : style == 1 ? 1LL : 40000000000LL) + r.between(1, 9000));
        }},
    KindRow{"random digits", "", 8, "reference|invoice_no|account_ref|ticket|part_no",
            [](Random& r, int style) {
              return r.pick("1|2|3|4|5|6|7|8|9") + r.digits(style == 0 ? 8 : style == 1 ? 10 : style == 2 ? 15 : 12);
            }},
    KindRow{"EAN-13", "", 3, "ean|barcode|gtin|sku",
            [](Random& r, int) {
              const std::string body = "474" + r.digits(9);
              int sum = 0;
              for (std::size_t i = 0; i < 12; ++i) sum += (body[i] - '0') * (i % 2 == 0 ? 1 : 3);
              return body + std::to_string((10 - sum % 10) % 10);
            }},
    KindRow{"date of an event", "", 8, "created|order_date|updated_at|valid_from|shipped",
            [](Random& r, int style) {
              return date_text(r, style == 0 ? 1995 : 2018, 2025, "%04d-%02d-%02d") + (style == 1 ? "T12:30:00Z" : "");
            }},
    KindRow{"seconds since 1970", "", 3, "ts|timestamp|time|created_at|epoch",
            [](Random& r, int style) { return "17" + r.digits(style == 0 ? 8 : 11); }},
    KindRow{"amount", "", 6, "price|amount|total|weight|score",
            [](Random& r, int style) {
              return text("%.*f", style == 0 ? 2 : style == 1 ? 4 : 1, r.between(1, 200000) / 1000.0);
            }},
    KindRow{"small number", "", 5, "quantity|age|count|year|retries",
            [](Random& r, int) { return std::to_string(r.between(0, 120)); }},
    KindRow{"UUID", "", 6, "id|request_id|trace_id|uuid|correlation",
            [](Random& r, int) {
              return r.of(hex, 8) + "-" + r.of(hex, 4) + "-4" + r.of(hex, 3) + "-8" + r.of(hex, 3) + "-" +
                     r.of(hex, 12);
            }},
    KindRow{"hash", "", 4, "etag|checksum|sha256|digest|commit",
            [](Random& r, int style) {
              return r.of(hex, style == 0 ? 32 : style == 1 ? 40 : 64);
            }},
    KindRow{"version of three", "", 3, "version|app_version|release|build",
            [](Random& r, int) { return text("%d.%d.%d", r.between(0, 9), r.between(0, 30), r.between(0, 99)); }},
    KindRow{"version of four", "", 2, "version|firmware|build|agent",
            [](Random& r, int) {
              return text("%d.%d.%d.%d", r.between(1, 9), r.between(0, 9), r.between(0, 50), r.between(0, 200));
            }},
    KindRow{"product", "", 5, "product|name|title|item|product_name",
            [](Random& r, int style) {
              std::string a = r.pick(adjectives);
              std::string n = r.pick(nouns);
              if (style > 0) {
                a[0] = static_cast<char>(a[0] - 32);
              }
              if (style > 1) {
                n[0] = static_cast<char>(n[0] - 32);
              }
              return a + " " + n;
            }},
    KindRow{"company", "", 4, "company|supplier|company_name|name|vendor|employer",
            [](Random& r, int) {
              return r.pick("Nordic|Baltic|United|Alpha|Delta|Pine") + " " +
                     r.pick("Steel|Foods|Systems|Logistics|Energy") + " " + r.pick("Ltd|OÜ|AB|GmbH|Oy");
            }},
    KindRow{"city or country", "", 4, "city|country|region|linn|destination",
            [](Random& r, int) { return r.pick(cities); }},
    KindRow{"state", "", 6, "status|type|state|category|colour",
            [](Random& r, int style) {
              return style == 0 ? r.pick("open|closed|new|failed") : r.pick("NEW|PAID|Shipped|Returned");
            }},
    KindRow{"URL", "", 4, "url|link|referrer|image|homepage",
            [](Random& r, int) {
              return "https://shop.example/" + r.pick(nouns) + "/" + r.digits(5) + "?q=" + r.pick(adjectives);
            }},
    KindRow{"free text", "", 5, "comment|note|description|message|remark",
            [](Random& r, int) { return sentence(r, ""); }},
    KindRow{"code of letters and digits", "", 5, "code|sku|coupon|batch|license|model",
            [](Random& r, int style) {
              return style == 0 ? r.of("ABCDEFGHJK", 3) + "-" + r.digits(4)
                                : r.of("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", 10);
            }},
    KindRow{"dashed numbers", "", 3, "part|isbn|case_no|article|serial",
            [](Random& r, int style) {
              return style == 0 ? r.digits(3) + "-" + r.digits(5) + "-" + r.digits(2)
                                : r.digits(4) + "-" + r.digits(4) + "-" + r.digits(2);
            }},
    KindRow{
        "time of day", "", 2, "time|opens|departure",
        [](Random& r, int) { return text("%02d:%02d:%02d", r.between(0, 23), r.between(0, 59), r.between(0, 59)); }},
    KindRow{"true or false", "", 3, "email_verified|has_phone|active|password_changed|is_person",
            [](Random& r, int) { return r.pick("true|false"); }},
    KindRow{"measurement", "", 4, "temperature|voltage|ratio|load|x",
            [](Random& r, int style) {
              return text("%.*f", style == 0 ? 3 : 6, r.between(-30000, 99000) / 1000.0 + 0.000123);
            }},
    KindRow{"file name", "", 2, "file|path|attachment|document",
            [](Random& r, int) { return r.pick(nouns) + "_" + r.digits(4) + r.pick(".pdf|.csv|.png"); }},
};

}  // namespace

std::span<const KindRow> kinds() { return table; }

}  // namespace sluice::scan
