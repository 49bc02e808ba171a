#include "sluice/aws/credentials.hpp"

#include <algorithm>
#include <vector>

#include "sluice/aws/credentials_sources.hpp"
#include "sluice/core/log.hpp"

namespace sluice::aws {
namespace {

using Time = std::chrono::system_clock::time_point;

constexpr std::chrono::minutes refresh_before{5};
constexpr std::chrono::seconds retry_after{30};  // where a refresh fails while the old ones are still good
constexpr std::chrono::seconds forget_pause{5};  // many calls find out at once that credentials are stale

}  // namespace

Result<Sought> from_environment(const CredentialsOptions& options) {
  const bool renamed = !options.access_key_id_env.empty() || !options.secret_access_key_env.empty();
  const auto name = [](const std::string& given, const char* usual) { return given.empty() ? usual : given; };
  const std::string key_name = name(options.access_key_id_env, "AWS_ACCESS_KEY_ID");
  const std::string secret_name = name(options.secret_access_key_env, "AWS_SECRET_ACCESS_KEY");
  // The usual session token does not belong to a renamed key.
  const std::string token_name = name(options.session_token_env, renamed ? "" : "AWS_SESSION_TOKEN");
  Credentials credentials{
      .key_id = environment(key_name), .secret = environment(secret_name), .token = environment(token_name)};
  if (credentials.key_id.empty() && credentials.secret.empty() && !renamed) {
    return Sought{.where = key_name + " is not set"};
  }
  for (const auto& [variable, value] :
       {std::pair{&key_name, &credentials.key_id}, {&secret_name, &credentials.secret}}) {
    if (value->empty()) {
      return fail(Fault::denied, "the environment variable " + *variable + " is not set",
                  "set " + key_name + " and " + secret_name);
    }
  }
  auto good = checked(std::move(credentials), system_clock());
  if (!good) return fail(std::move(good).error().within(key_name));
  return Sought{.credentials = std::move(*good), .where = "environment (" + key_name + ")"};
}

class CredentialsChain::Impl {
 public:
  Impl(CredentialsOptions options, Http& http, const Clock& clock)
      : options_(std::move(options)), clock_(clock), around_{.http = http, .clock = clock} {}

  Result<std::optional<Credentials>> get() {
    if (options_.anonymous) return std::optional<Credentials>();
    const Time now = clock_.now();
    if (current_ && !forgotten_ && now < refresh_at_) return current_;
    const bool usable = current_ && !forgotten_ && now < current_->expires;
    if (busy_) {  // a call that the refresh carries on has come back in here
      if (usable) return current_;
      return fail(Fault::transient, "AWS credentials are being looked for");
    }
    busy_ = true;
    auto found = find();
    busy_ = false;
    looked_at_ = now;
    if (!found) {
      if (!usable) return fail(std::move(found).error());
      log::warning("aws credentials were not refreshed", {{"from", where_}, {"error", found.error().text()}});
      refresh_at_ = now + retry_after;
      return current_;
    }
    current_ = std::move(found->credentials);
    where_ = std::move(found->where);
    forgotten_ = false;
    refresh_at_ = refresh_time(*current_, now);
    log::debug("aws credentials", {{"from", where_}});
    return current_;
  }

  void forget() {
    if (!current_ || clock_.now() - looked_at_ < forget_pause) return;
    forgotten_ = true;
  }

  std::string where() const {
    if (options_.anonymous) return "anonymous";
    return where_.empty() ? "nowhere yet" : where_;
  }

 private:
  // Short-lived ones, too, are used for half of their time.
  static Time refresh_time(const Credentials& credentials, Time now) {
    if (credentials.expires == Time::max()) return Time::max();
    const Time::duration left = credentials.expires - now;
    return credentials.expires - std::min<Time::duration>(refresh_before, left / 2);
  }

  // Whoever names variables or a profile does not want what else lies around in the environment.
  Result<Sought> find() {
    const bool renamed = !options_.access_key_id_env.empty() || !options_.secret_access_key_env.empty();
    if (renamed) return from_environment(options_);
    std::vector<std::string> looked;
    const auto pass = [&looked](const Sought& sought) {
      looked.push_back(sought.where);
      return !sought.credentials;
    };
    const bool by_profile = !options_.profile.empty();
    if (!by_profile) {
      SLUICE_TRY(Sought sought, from_environment(options_));
      if (!pass(sought)) return sought;
    }
    SLUICE_TRY(Sought sought, from_profile(around_, options_.profile));
    if (!pass(sought)) return sought;
    if (!by_profile) {
      SLUICE_TRY(Sought web, from_web_identity(around_, options_.profile));
      if (!pass(web)) return web;
    }
    SLUICE_TRY(Sought container, from_container(around_));
    if (!pass(container)) return container;
    SLUICE_TRY(Sought instance, from_instance(around_));
    if (!pass(instance)) return instance;

    std::string message = "no AWS credentials found: ";
    for (const std::string& place : looked) {
      if (&place != &looked.front()) message += "; ";
      message += place;
    }
    return fail(Fault::denied, std::move(message),
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or profile: or anonymous: true on the connection");
  }

  CredentialsOptions options_;
  const Clock& clock_;
  Surroundings around_;
  std::optional<Credentials> current_;
  std::string where_;
  Time refresh_at_{};
  Time looked_at_{};
  bool forgotten_ = false;
  bool busy_ = false;
};

CredentialsChain::CredentialsChain(CredentialsOptions options, Http& http, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), http, clock)) {}
CredentialsChain::~CredentialsChain() = default;
Result<std::optional<Credentials>> CredentialsChain::get() { return impl_->get(); }
void CredentialsChain::forget() { impl_->forget(); }
std::string CredentialsChain::where() const { return impl_->where(); }

}  // namespace sluice::aws
