// Stand-in for mscoree.dll, the door to the .NET runtime, which Wine does not have.
//
// pykd asks it for ICLRDebugging before it opens any dump and gives up when it gets none. The
// object handed out here opens no managed process (E_NOTIMPL), which pykd takes for "no .NET in
// this dump".

#include <windows.h>

namespace {

struct NoManagedCode;

// The five slots of ICLRDebugging, in their order.
struct Methods {
    HRESULT(STDMETHODCALLTYPE *query_interface)(NoManagedCode *, REFIID, void **);
    ULONG(STDMETHODCALLTYPE *add_ref)(NoManagedCode *);
    ULONG(STDMETHODCALLTYPE *release)(NoManagedCode *);
    HRESULT(STDMETHODCALLTYPE *open_virtual_process)(NoManagedCode *, ULONG64, IUnknown *, IUnknown *,
                                                     void *, REFIID, IUnknown **, void *, void *);
    HRESULT(STDMETHODCALLTYPE *can_unload_now)(NoManagedCode *, HMODULE);
};

struct NoManagedCode {
    const Methods *methods;
};

HRESULT STDMETHODCALLTYPE query_interface(NoManagedCode *self, REFIID, void **object) {
    *object = self;
    return S_OK;
}

// The object is static: it is never freed, so its count needs no keeping.
ULONG STDMETHODCALLTYPE add_ref(NoManagedCode *) { return 2; }
ULONG STDMETHODCALLTYPE release(NoManagedCode *) { return 1; }

HRESULT STDMETHODCALLTYPE open_virtual_process(NoManagedCode *, ULONG64, IUnknown *, IUnknown *, void *,
                                               REFIID, IUnknown **, void *, void *) {
    return E_NOTIMPL;
}

HRESULT STDMETHODCALLTYPE can_unload_now(NoManagedCode *, HMODULE) { return S_OK; }

const Methods kMethods = {query_interface, add_ref, release, open_virtual_process, can_unload_now};
NoManagedCode no_managed_code = {&kMethods};

}  // namespace

extern "C" __declspec(dllexport) HRESULT STDAPICALLTYPE CLRCreateInstance(REFCLSID, REFIID, void **object) {
    *object = &no_managed_code;
    return S_OK;
}
