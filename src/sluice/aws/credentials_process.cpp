// Runs a profile's credential_process: its standard output is what it has to say, the rest is dropped.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "sluice/aws/credentials_sources.hpp"

extern char** environ;

namespace sluice::aws {
namespace {

constexpr std::size_t output_bytes_max = 65536;

// Reads until the end, at most 64 KiB. An error names what went wrong, never what was read.
Result<std::string> read_output(int fd, std::chrono::steady_clock::time_point deadline) {
  std::string output;
  std::array<char, 4096> bytes;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = left.count() <= 0 ? 0 : poll(&readable, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return fail(Fault::transient, "it did not end in time");
    const ssize_t count = read(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return output;
    output.append(bytes.data(), static_cast<std::size_t>(count));
    if (output.size() > output_bytes_max) return fail(Fault::denied, "it writes more than 64 KiB");
  }
}

}  // namespace

Result<std::string> run_process(const std::string& command, std::chrono::seconds timeout) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return fail(Fault::failed, std::string("no pipe: ") + std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  // A group of its own, so that the time-out ends what the shell has started, too.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  std::string shell = "sh";
  std::string flag = "-c";
  std::string text = command;
  std::array<char*, 4> arguments{shell.data(), flag.data(), text.data(), nullptr};
  pid_t child = 0;
  const int spawned = posix_spawn(&child, "/bin/sh", &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(ends[1]);
  if (spawned != 0) {
    close(ends[0]);
    return fail(Fault::failed, std::string("cannot start it: ") + std::strerror(spawned));
  }
  auto output = read_output(ends[0], std::chrono::steady_clock::now() + timeout);
  close(ends[0]);
  if (!output) kill(-child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (!output) return output;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    const std::string how = WIFEXITED(status) ? "with exit code " + std::to_string(WEXITSTATUS(status)) : "by a signal";
    return fail(Fault::denied, "it ended " + how, "run it by hand to see why");
  }
  return output;
}

}  // namespace sluice::aws
