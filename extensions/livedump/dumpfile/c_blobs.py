"""Secondary data of a dump: blobs, each marked by a GUID.

Source: symbols of the Windows Driver Kit (the two headers); both end exactly at the end of x64 and ARM64 dumps.
"""

from __future__ import annotations

from livedump.dumpfile.layout import U32, Field

SIGNATURE = b"DumpBlob"
FILE_HEADER_SIZE = Field(0x08, U32)
FILE_HEADER_LENGTH = 0x10
BLOB_HEADER_SIZE = Field(0x00, U32)
BLOB_TAG = Field(0x04, "<IHH8B")
BLOB_SIZES = Field(0x14, "<3I")
"""Bytes of data, of padding before it and behind it."""
BLOB_HEADER_LENGTH = 0x20

NAMES: tuple[tuple[str, str], ...] = (
    # Documented by Microsoft: bug checks 0x141, 0x142 and 0x14C, Wi-Fi trace logs.
    ("270A33FD-3DA6-460D-BA89-3C1BAE21E39B", "graphics kernel data"),  # also in crash dumps that no GPU caused
    ("E1D08891-D5A3-45F9-B811-AD711DFB2607", "black box data"),
    ("21BA7B61-05F8-41F1-9048-C09493DCFE38", "Wi-Fi trace log"),
    ("21BA7B61-05F9-41F1-9048-C09493DCFE38", "Wi-Fi trace log"),
    # Recognised by their contents in dumps of builds 19041 and 22000.
    ("6C7AC389-4313-47DC-9F34-A8800A0FB56C", "processor registry values"),
    ("D03DC06F-D88E-44C5-BA2A-FAE035172D19", "CPUID leaves"),
    ("BC5C008F-1E3A-44D7-988D-86F6884C6758", "SMBIOS tables (serial numbers)"),
    ("E83B40D2-B0A0-4842-ABEA-71C9E3463DD1", "ACPI tables"),
    ("9276C055-EB87-425C-B8B5-04E4D247F6CD", "PCI configuration"),
    ("2B88B710-1C93-4F7C-B06C-655ECC50DECC", "system event log buffers"),
    ("54C84888-01D1-4C1E-BED6-282C98241303", "KMDF in-flight recorder"),
    ("F87E4A4C-C5A1-4D2F-BFF0-D5DE63A5E4C3", "WDF drivers and library"),
    ("DA82441D-7142-4BC1-B844-0807C5A4B67F", "storport data"),
    ("67FC721A-2852-4F62-A3B1-2AFC53953777", "AmdPPM trace recorder"),
    ("67FC721A-2853-4F62-A3B1-2AFC53953777", "AmdPPM trace recorder"),
    ("335D5E04-5638-4E58-AA36-7ED1CFE76FD6", "win32kfull trace recorder"),
    ("335D5E04-563A-4E58-AA36-7ED1CFE76FD6", "win32kfull trace recorder"),
    ("335D5E04-563B-4E58-AA36-7ED1CFE76FD6", "win32kfull trace recorder"),
    ("0F81EC00-9E50-48E6-B899-EB3BBEEDE741", "win32kbase trace recorder"),
    ("0F81EC00-9E51-48E6-B899-EB3BBEEDE741", "win32kbase trace recorder"),
    ("0F81EC00-9E52-48E6-B899-EB3BBEEDE741", "win32kbase trace recorder"),
    ("0F81EC00-9E56-48E6-B899-EB3BBEEDE741", "win32kbase trace recorder"),
    ("BE84D651-A550-4367-8E63-AB792B631F94", "path of an executable (private)"),
    ("BF2297DC-34BA-11DC-868A-E19155D89593", "NVIDIA driver data"),
    ("10EC8168-313C-488C-AFEA-272CD2094616", "Realtek network driver data"),
    # Guessed from their contents.
    ("2B4AE195-A64D-4F04-8EDE-7E4F981BD42A", "triage data blocks of drivers?"),
    ("4EE76BD8-3CF4-44A0-A0AC-3937643E37A3", "boot status data?"),
    ("80CC79CF-A719-4AF1-BF97-FE29FF76EBC1", "shell restart marker?"),
    ("5545F79E-5326-4467-AE69-81633AE33155", "power data?"),
    ("B7631941-532A-4CD6-B1B1-EDB5917D4557", "device id?"),
)
"""What is behind a GUID; a question mark means that it is a guess."""
