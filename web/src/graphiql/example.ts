export const EXAMPLE = `# Your files, newest first.
# Ctrl-Enter runs, Ctrl-Space completes.
query Files {
  files(first: 10) {
    edges {
      node {
        id
        name
        size
        status
        createdAt
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}

# An upload: uncomment it (Ctrl-/) and run it.
# Then PUT the bytes to the URL with exactly
# these headers, and complete it.
#
# mutation RequestUpload {
#   requestUpload(
#     input: {
#       name: "hello.txt"
#       size: 5
#       contentType: "text/plain"
#     }
#   ) {
#     file { id }
#     upload { url method headers { name value } }
#   }
# }
#
# mutation CompleteUpload {
#   completeUpload(id: "the id from above") {
#     status
#   }
# }

# Changes of your files, as they happen.
#
# subscription FilesChanged {
#   filesChanged { id name status }
# }
`;

