#include "tls/core.h"

#include "tls/failure.h"

#include <string>
#include <utility>

#include <thrum/net/tcp.h>
#include <thrum/tls.h>

namespace thrum::tls {

namespace {

io::error nothing_there(const char* operation) noexcept {
  return {.code = io::errc::closed, .operation = operation, .about = {}, .causes = {}};
}

} // namespace

stream::stream() noexcept = default;
stream::stream(std::unique_ptr<detail::tls_core> core) noexcept : core_(std::move(core)) {}
stream::stream(stream&&) noexcept = default;
stream& stream::operator=(stream&&) noexcept = default;
stream::~stream() = default;

stream stream::made(std::unique_ptr<detail::tls_transport> below, const context& settings,
                    const std::string_view* host) {
  std::string name(host != nullptr ? *host : std::string_view());
  if (name.ends_with('.')) name.pop_back(); // "example.com." is the same name, but in no certificate
  const auto& held = detail::tls_core::settings_of(settings);
  return stream(std::make_unique<detail::tls_core>(std::move(below), held, std::move(name), host == nullptr));
}

const void* stream::below_as(const std::type_info& type) const noexcept {
  return core_ != nullptr ? core_->below->as(type) : nullptr;
}

io::result<void> stream::handshake(io::deadline until) const {
  if (core_ == nullptr) return nothing_there("tls handshake");
  return core_->handshake(until);
}
io::result<std::size_t> stream::read_some(io::mutable_buffer into, io::deadline until) const {
  if (core_ == nullptr) return nothing_there("read");
  return core_->read_some(into, until);
}
io::result<void> stream::read_exactly(io::mutable_buffer into, io::deadline until) const {
  if (core_ == nullptr) return nothing_there("read");
  return core_->read_exactly(into, until);
}
io::result<std::size_t> stream::write_some(io::const_buffer from, io::deadline until) const {
  if (core_ == nullptr) return nothing_there("write");
  return core_->write_some(from, until);
}
io::result<void> stream::write_all(io::const_buffer from, io::deadline until) const {
  if (core_ == nullptr) return nothing_there("write");
  return core_->write_all(from, until);
}
io::result<void> stream::shutdown_write(io::deadline until) const {
  if (core_ == nullptr) return nothing_there("shutdown");
  return core_->shutdown_write(until);
}

void stream::close() const noexcept {
  if (core_ != nullptr) core_->close();
}
bool stream::is_open() const noexcept { return core_ != nullptr && core_->is_open(); }
void stream::set_read_deadline(io::deadline until) const noexcept {
  if (core_ != nullptr) core_->below->set_read_deadline(until);
}
void stream::set_write_deadline(io::deadline until) const noexcept {
  if (core_ != nullptr) core_->below->set_write_deadline(until);
}

std::string stream::protocol() const {
  if (core_ == nullptr) return {};
  return core_->ask<std::string>([](const engine& e) { return e.protocol(); });
}
std::string stream::cipher() const {
  if (core_ == nullptr) return {};
  return core_->ask<std::string>([](const engine& e) { return e.cipher(); });
}
std::string stream::application_protocol() const {
  if (core_ == nullptr) return {};
  return core_->ask<std::string>([](const engine& e) { return e.application_protocol(); });
}
std::string stream::server_name() const {
  if (core_ == nullptr) return {};
  return core_->ask<std::string>([](const engine& e) { return e.server_name(); });
}
bool stream::resumed() const {
  return core_ != nullptr && core_->ask<bool>([](const engine& e) { return e.resumed(); });
}
std::optional<certificate_facts> stream::peer_certificate() const {
  using facts = std::optional<certificate_facts>;
  if (core_ == nullptr) return {};
  return core_->ask<facts>([](const engine& e) { return e.peer_certificate(); });
}

io::result<stream> connect(std::string_view host, std::uint16_t port, const context& settings,
                           io::deadline until) {
  const bool v6 = host.find(':') != std::string_view::npos;
  std::string to = v6 ? '[' + std::string(host) + ']' : std::string(host);
  to += ':' + std::to_string(port);
  auto connection = net::tcp_stream::connect(to, until);
  if (!connection) return connection.error();
  return connect(std::move(*connection), host, settings, until);
}

} // namespace thrum::tls
