import { describeRegistryTrust } from './registry-trust.ts'

describeRegistryTrust(2)
