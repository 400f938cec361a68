// What the thread sanitizer is not to report in these tests.
//
// OpenSSL is not instrumented, so the sanitizer sees of it only what goes through functions that it stands in front of: free and
// memcpy, but not the atomic counters by which OpenSSL's objects are shared. A session is in use by the connection that has resumed
// it, which copies its lists, and in the client's cache, which drops it later: the counter orders the last copy before the free,
// where the sanitizer cannot see it. One function is named, so what else goes through OpenSSL, our buffers above all, is watched.
#if defined(__SANITIZE_THREAD__)
#define THRUM_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THRUM_THREAD_SANITIZER 1
#endif
#endif

#ifdef THRUM_THREAD_SANITIZER
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race:OPENSSL_sk_free\n"; }
#endif
