/** Small container images with real layers, made without a base image. */

import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { temporaryFolder } from './temporary-folder.ts'

export interface ImageOptions {
  /** Default: 2. */
  readonly layers?: number
  /** Bytes of the one file in each layer; random, so that no two images share a layer. Default: 4 kB. */
  readonly layerSize?: number
}

export interface Image {
  /** Folder with the OCI image layout; its only tag is `latest`. */
  readonly folder: string
  /** `sha256:…` of the manifest. */
  readonly digest: string
  /** `sha256:…` of each layer, lowest first. */
  readonly layers: readonly string[]
}

const mediaType = (name: string): string => `application/vnd.oci.image.${name}`

/** Writes an image as an OCI image layout: for `skopeo copy oci:…`, `crane push`, `podman pull oci:…`. */
export function makeImage({ layers: count = 2, layerSize = 4096 }: ImageOptions = {}): Image {
  const folder = temporaryFolder('image')
  const blobs = join(folder, 'blobs', 'sha256')
  mkdirSync(blobs, { recursive: true })
  const store = (type: string, content: Uint8Array): Descriptor => {
    const digest = sha256(content)
    writeFileSync(join(blobs, digest), content)
    return { mediaType: mediaType(type), digest: `sha256:${digest}`, size: content.length }
  }
  const storeJson = (type: string, value: object): Descriptor =>
    store(type, Buffer.from(JSON.stringify(value)))

  const archives = Array.from({ length: count }, (_, i) =>
    tarArchive(`layer-${i}`, randomBytes(layerSize)),
  )
  const layers = archives.map((archive) => store('layer.v1.tar+gzip', gzipSync(archive)))
  const config = storeJson('config.v1+json', {
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: ['/layer-0'] },
    rootfs: { type: 'layers', diff_ids: archives.map((archive) => `sha256:${sha256(archive)}`) },
  })
  const manifest = storeJson('manifest.v1+json', {
    schemaVersion: 2,
    mediaType: mediaType('manifest.v1+json'),
    config,
    layers,
  })
  const tagged = { ...manifest, annotations: { 'org.opencontainers.image.ref.name': 'latest' } }
  writeFileSync(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  writeFileSync(
    join(folder, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [tagged] }),
  )
  return { folder, digest: manifest.digest, layers: layers.map(({ digest }) => digest) }
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/** A POSIX ustar archive with one file, owned by root. */
export function tarArchive(name: string, content: Uint8Array): Buffer {
  const header = Buffer.alloc(512)
  const octal = (value: number, offset: number, length: number): void => {
    header.write(value.toString(8).padStart(length - 1, '0'), offset, 'ascii')
  }
  header.write(name, 0, 'ascii')
  octal(0o644, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(content.length, 124, 12)
  octal(0, 136, 12)
  header.write('0', 156, 'ascii')
  header.write('ustar\x0000', 257, 'latin1')
  // The checksum is taken with its own field full of spaces.
  header.fill(' ', 148, 156)
  const checksum = header.reduce((sum, byte) => sum + byte, 0)
  header.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512)
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)])
}
