#include "sluice/postgres/connect_options.hpp"

#include <libpq-fe.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>

#include "sluice/core/words.hpp"

namespace sluice::postgres {
namespace {

using Keywords = std::vector<std::pair<std::string, std::string>>;

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using OptionList = std::unique_ptr<PQconninfoOption, FreeOptions>;

constexpr std::string_view how_to_write =
    "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE; in a URL a special character of the password stands as %XX";

std::string place_of(const Settings& settings) {
  const Setting* setting = settings.find("postgres");
  return (setting != nullptr ? setting->place : settings.place).text() + ": 'postgres'";
}

// libpq's own messages on a malformed text quote parts of it, perhaps of the password: they are not passed on.
Result<Keywords> from_text(const std::string& text, const std::string& place) {
  char* message = nullptr;
  const OptionList parsed(PQconninfoParse(text.c_str(), &message));
  PQfreemem(message);
  if (!parsed) {
    return fail(Fault::config, place + " is neither a PostgreSQL URL nor libpq's keywords", std::string(how_to_write));
  }
  Keywords out;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) out.emplace_back(option->keyword, option->val);
  }
  return out;
}

Result<Keywords> from_map(const std::map<std::string, std::string>& keywords, const std::string& place) {
  const OptionList known(PQconndefaults());
  std::vector<std::string> names;
  for (const PQconninfoOption* option = known.get(); option != nullptr && option->keyword != nullptr; ++option) {
    names.emplace_back(option->keyword);
  }
  Keywords out;
  for (const auto& [name, value] : keywords) {
    if (std::ranges::find(names, name) == names.end()) {
      return fail(Fault::config,
                  place + ": '" + name + "' is no connection keyword of libpq" + did_you_mean(name, names));
    }
    out.emplace_back(name, value);
  }
  return out;
}

std::string take(Keywords& keywords, std::string_view name) {
  const auto found = std::ranges::find(keywords, name, &std::pair<std::string, std::string>::first);
  if (found == keywords.end()) return {};
  std::string value = std::move(found->second);
  keywords.erase(found);
  return value;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> out;
  if (list.empty()) return out;
  std::size_t start = 0;
  while (true) {
    const std::size_t comma = list.find(',', start);
    out.push_back(list.substr(start, comma - start));
    if (comma == std::string::npos) return out;
    start = comma + 1;
  }
}

bool is_port(const std::string& text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

// One port may stand for all hosts, as in libpq.
Result<std::vector<Host>> hosts_of(const std::string& names, const std::string& addresses, const std::string& ports,
                                   const std::string& place) {
  const std::vector<std::string> name = split(names);
  const std::vector<std::string> address = split(addresses);
  const std::vector<std::string> port = split(ports);
  const std::size_t count = std::max<std::size_t>({name.size(), address.size(), 1});
  if ((!name.empty() && name.size() != count) || (!address.empty() && address.size() != count) ||
      (port.size() > 1 && port.size() != count)) {
    return fail(Fault::config, place + ": host, hostaddr and port do not name the same number of servers");
  }
  std::vector<Host> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (!name.empty()) out[i].name = name[i];
    if (!address.empty()) out[i].address = address[i];
    if (!port.empty()) out[i].port = port[port.size() == 1 ? 0 : i];
    // A piece of a password ends up here when its @ or / is not percent-encoded.
    if (out[i].name.find('@') != std::string::npos && !out[i].name.starts_with('@')) {
      return fail(Fault::config, place + ": the host's name holds an '@'", std::string(how_to_write));
    }
    if (!out[i].port.empty() && !is_port(out[i].port)) {
      return fail(Fault::config, place + ": the port is no number from 1 to 65535", std::string(how_to_write));
    }
  }
  return out;
}

void set_default(Keywords& keywords, const Environment& environment, const char* variable, std::string_view name,
                 std::string_view value) {
  if (variable != nullptr && environment(variable)) return;
  const bool given = std::ranges::any_of(keywords, [name](const auto& keyword) { return keyword.first == name; });
  if (!given) keywords.emplace_back(name, value);
}

// libpq looks for ~/.postgresql/root.crt only; most servers' certificates are signed by one of the system's
// authorities.
void trust_system_authorities(Keywords& keywords, const Environment& environment) {
  constexpr const char* bundle = "/etc/ssl/certs/ca-certificates.crt";
  const std::optional<std::string> home = environment("HOME");
  if (home && access((*home + "/.postgresql/root.crt").c_str(), R_OK) == 0) return;
  if (access(bundle, R_OK) == 0) set_default(keywords, environment, "PGSSLROOTCERT", "sslrootcert", bundle);
}

}  // namespace

std::optional<std::string> process_environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  return value;
}

std::string Host::text() const {
  const std::string number = port.empty() ? "5432" : port;
  if (name.empty() && address.empty()) return "the local server, port " + number;
  if (name.starts_with('/') || name.starts_with('@')) return "socket " + name + ", port " + number;
  const std::string& host = name.empty() ? address : name;
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + number;
}

bool Host::is_local() const {
  const std::string& host = address.empty() ? name : address;
  return host.empty() || host.starts_with('/') || host.starts_with('@') || host == "localhost" ||
         host.starts_with("127.") || host == "::1";
}

const std::string* ConnectOptions::find(std::string_view keyword) const {
  const auto found = std::ranges::find(keywords, keyword, &std::pair<std::string, std::string>::first);
  return found == keywords.end() ? nullptr : &found->second;
}

std::string ConnectOptions::where() const { return "postgres " + hosts.front().text(); }

Result<ConnectOptions> connect_options(const Settings& settings, const Environment& environment) {
  const std::string place = place_of(settings);
  const Setting* setting = settings.find("postgres");
  Keywords keywords;
  if (setting != nullptr && !setting->keywords.empty()) {
    SLUICE_TRY(keywords, from_map(setting->keywords, place));
  } else if (setting != nullptr && !setting->text.empty()) {
    SLUICE_TRY(keywords, from_text(setting->text, place));
  }

  const bool service = environment("PGSERVICE").has_value() ||
                       std::ranges::any_of(keywords, [](const auto& keyword) { return keyword.first == "service"; });
  std::string names = take(keywords, "host");
  std::string addresses = take(keywords, "hostaddr");
  std::string ports = take(keywords, "port");
  if (names.empty() && addresses.empty() && !service) {
    names = environment("PGHOST").value_or("");
    addresses = environment("PGHOSTADDR").value_or("");
  }
  if (ports.empty() && !service) ports = environment("PGPORT").value_or("");

  ConnectOptions options;
  options.hosts_given = !names.empty() || !addresses.empty() || !ports.empty();
  SLUICE_TRY(options.hosts, hosts_of(names, addresses, ports, place));
  const auto away = [](const Host& host) { return !host.is_local(); };
  // A service file may name any host: what is not known to be here is verified.
  if (std::ranges::any_of(options.hosts, away) || (service && !options.hosts_given)) {
    set_default(keywords, environment, "PGSSLMODE", "sslmode", "verify-full");
    trust_system_authorities(keywords, environment);
  }
  if (options.hosts.size() > 1) {
    set_default(keywords, environment, "PGTARGETSESSIONATTRS", "target_session_attrs", "read-write");
  }

  std::string timeout = take(keywords, "connect_timeout");
  if (timeout.empty()) timeout = environment("PGCONNECT_TIMEOUT").value_or("");
  if (!timeout.empty()) {
    auto seconds = parse_duration(timeout);
    if (!seconds) return fail(Fault::config, place + ": connect_timeout is no number of seconds");
    // In libpq 0 means for ever; a server that never answers must not hold a run for ever.
    if (seconds->count() > 0) options.connect_timeout = *seconds;
  }
  // A server that went away without a word is noticed within a minute or so.
  set_default(keywords, environment, nullptr, "keepalives_idle", "30");
  set_default(keywords, environment, nullptr, "keepalives_interval", "10");
  set_default(keywords, environment, nullptr, "keepalives_count", "3");
  set_default(keywords, environment, nullptr, "tcp_user_timeout", "60000");
  std::erase_if(keywords, [](const auto& keyword) { return keyword.first == "client_encoding"; });
  keywords.emplace_back("client_encoding", "UTF8");
  options.keywords = std::move(keywords);
  SLUICE_TRY(options.statement_timeout, settings.duration("statement_timeout", std::chrono::seconds(0)));
  return options;
}

}  // namespace sluice::postgres
